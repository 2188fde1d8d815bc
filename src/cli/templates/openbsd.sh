#!/bin/ksh

daemon=@PM2@
daemon_flags=resurrect
daemon_user=@USER@

. /etc/rc.d/rc.subr

pm2_path=@PATH@
pm2_home=@PM2_HOME@

pm2_run() {
    su -fl -s /bin/sh "$daemon_user" -c 'exec env "$@"' sh \
        "PATH=$pm2_path" "PM2_HOME=$pm2_home" "$daemon" "$@"
}

rc_start() {
    pm2_run resurrect
}

rc_stop() {
    pm2_run kill
}

rc_reload() {
    pm2_run reload all
}

rc_check() {
    kill -0 "$(cat "$pm2_home/pm2.pid" 2>/dev/null)" 2>/dev/null
}

rc_bg=NO
rc_cmd "$1"
