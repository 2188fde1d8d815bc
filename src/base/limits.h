/* SPDX-License-Identifier: MIT
 * Every cap of the house by name. Each has a test that exceeds it. Sizes are bytes, times are
 * milliseconds, unless the name says otherwise. */
#pragma once

/* base */
#define LIMIT_BUF_BYTES      (256UL * 1024 * 1024) /* largest buffer of any kind */
#define LIMIT_LOG_TEXT_BYTES 4096                  /* one line of the daemon's own log */

/* json */
#define LIMIT_JSON_DEPTH 256

/* wire: rpc.sock and pub.sock */
#define LIMIT_FRAME_BYTES   (32UL * 1024 * 1024) /* one AMP frame, all arguments together */
#define LIMIT_RPC_CLIENTS   2048                 /* connections on rpc.sock */
#define LIMIT_RPC_PIPELINE  4096                 /* calls of one client under way */
#define LIMIT_RPC_OUT_BYTES (64UL * 1024 * 1024) /* replies that one client has not read */
#define LIMIT_SUB_CLIENTS   512                  /* connections on pub.sock */
#define LIMIT_SUB_OUT_BYTES (8UL * 1024 * 1024)  /* events that one subscriber has not read */

/* Node channel */
#define LIMIT_CHANNEL_LINE_BYTES (4UL * 1024 * 1024)  /* one message of an app */
#define LIMIT_CHANNEL_OUT_BYTES  (16UL * 1024 * 1024) /* messages that an app has not read */
#define LIMIT_STDIN_OUT_BYTES    (1UL * 1024 * 1024)  /* lines that an app has not read */

/* keeper link */
#define LIMIT_LINK_FRAME_BYTES (16UL * 1024 * 1024)
#define LIMIT_LINK_FDS         16   /* fds with one frame */
#define LIMIT_LINK_NOTE_BYTES  4096 /* opaque note of a child; name of a stored fd */
#define LIMIT_LINK_STORED      4096 /* fds in the keeper's store */
#define LIMIT_LINK_OUT_BYTES   (16UL * 1024 * 1024) /* what pm2d has not read from its keeper */

/* app */
#define LIMIT_NAME_BYTES  255                 /* app name; PM2 has none, file names do */
#define LIMIT_INSTANCES   4096                /* of one start */
#define LIMIT_PROCESSES   65536               /* in one daemon */
#define LIMIT_ARGS        65536               /* arguments of one app */
#define LIMIT_AXM_ACTIONS 1024                /* actions that one app registers */
#define LIMIT_AXM_BYTES   (1UL * 1024 * 1024) /* axm_monitor + axm_options of one app, as JSON */
#define LIMIT_DELAY_MS    (7LL * 24 * 3600 * 1000) /* any configured delay or timeout */

/* log pump */
#define LIMIT_PUMP_CHUNK_BYTES (1UL * 1024 * 1024) /* moved per wake-up of one stream */
#define LIMIT_TAP_CHUNK_BYTES  (64UL * 1024)       /* one log event on the bus */

/* pm2 logs: a longer line is shown in pieces */
#define LIMIT_CLI_LINE_BYTES (8UL * 1024 * 1024)

/* socket path, sun_path less its NUL */
#define LIMIT_SOCKET_PATH 107
