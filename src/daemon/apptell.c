/* SPDX-License-Identifier: MIT
 * The ways to an app. Runs in pm2d. */
#include "apptell.h"

#include <errno.h>

#include "app/interp.h"
#include "chan.h"
#include "instance_sock.h"
#include "proc.h"
#include "json/read.h"

bool apptell_can(const struct proc *p)
{
    return p->run && (chan_connected(p->run->chan) || !list_empty(&p->run->conns));
}

/* A program of another kind that is connected will hardly read its channel as well. */
static bool reads_channel(const struct proc *p)
{
    const char *interpreter = json_get_str(p->conf, "exec_interpreter");
    return list_empty(&p->run->conns) || (interpreter && interp_can_cluster(interpreter));
}

int apptell_send(struct proc *p, struct str line, const char *action)
{
    int why;
    unsigned heard = instance_sock_send(p->run, line, action, &why);
    int rc = reads_channel(p) ? chan_send(p->run->chan, line) : why;
    return heard > 0 ? 0 : rc;
}
