#!/sbin/openrc-run

name="PM2 process manager"
description="Starts the apps that were saved with pm2 save, and ends them."
extra_started_commands="reload"

pm2_program=@PM2@
pm2_user=@USER@
PATH=@PATH@
PM2_HOME=@PM2_HOME@
export PATH PM2_HOME

depend() {
    need localmount
    use net
    after bootmisc
}

pm2() {
    if [ "$(id -un)" = "$pm2_user" ]; then
        "$pm2_program" "$@"
    else
        su -s /bin/sh "$pm2_user" -c 'exec env "$@"' sh \
            "PATH=$PATH" "PM2_HOME=$PM2_HOME" "$pm2_program" "$@"
    fi
}

start() {
    ebegin "Starting the apps of PM2"
    pm2 resurrect >/dev/null
    eend $?
}

stop() {
    ebegin "Ending the apps of PM2"
    pm2 kill >/dev/null
    eend $?
}

reload() {
    ebegin "Reloading the apps of PM2"
    pm2 reload all >/dev/null
    eend $?
}
