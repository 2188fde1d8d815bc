#!/bin/sh
# chkconfig: 2345 98 02
# description: PM2 process manager
### BEGIN INIT INFO
# Provides:          @NAME@
# Required-Start:    $local_fs $remote_fs $network
# Required-Stop:     $local_fs $remote_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: PM2 process manager
# Description:       Starts the apps that were saved with `pm2 save`, and ends them.
### END INIT INFO

pm2_program=@PM2@
pm2_user=@USER@
PATH=@PATH@
PM2_HOME=@PM2_HOME@
export PATH PM2_HOME

pm2() {
    if [ "$(id -un)" = "$pm2_user" ]; then
        "$pm2_program" "$@"
    else
        su -s /bin/sh "$pm2_user" -c 'exec env "$@"' sh \
            "PATH=$PATH" "PM2_HOME=$PM2_HOME" "$pm2_program" "$@"
    fi
}

case "$1" in
start) pm2 resurrect ;;
stop) pm2 kill ;;
restart)
    pm2 kill
    pm2 resurrect
    ;;
reload | force-reload) pm2 reload all ;;
status) pm2 list ;;
*)
    echo "usage: $0 {start|stop|restart|reload|force-reload|status}" >&2
    exit 2
    ;;
esac
