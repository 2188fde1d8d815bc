#!/bin/sh
# PROVIDE: @NAME@
# REQUIRE: LOGIN NETWORKING
# KEYWORD: shutdown

. /etc/rc.subr

name="@NAME@"
rcvar="@NAME@_enable"
extra_commands="reload status"

pm2_program=@PM2@
pm2_user=@USER@
PATH=@PATH@
PM2_HOME=@PM2_HOME@
export PATH PM2_HOME

pm2_run() {
    if [ "$(id -un)" = "$pm2_user" ]; then
        "$pm2_program" "$@"
    else
        su -m "$pm2_user" -c 'exec "$@"' sh "$pm2_program" "$@"
    fi
}

pm2_start() {
    pm2_run resurrect
}

pm2_stop() {
    pm2_run kill
}

pm2_reload() {
    pm2_run reload all
}

pm2_status() {
    pm2_run list
}

start_cmd=pm2_start
stop_cmd=pm2_stop
reload_cmd=pm2_reload
status_cmd=pm2_status

load_rc_config "$name"
run_rc_command "$1"
