/* SPDX-License-Identifier: MIT
 * Every cap of the house by name. Each has a test that exceeds it. Sizes are bytes, times are
 * milliseconds, unless the name says otherwise. */
#pragma once

/* base */
#define LIMIT_BUF_BYTES      (256UL * 1024 * 1024) /* largest buffer of any kind */
#define LIMIT_OWN_LOG_BYTES  (10L * 1024 * 1024)   /* pm2.log, before a new one is begun */
#define LIMIT_LOG_TEXT_BYTES 4096                  /* one line of the daemon's own log */

/* json */
#define LIMIT_JSON_DEPTH      256
#define LIMIT_LINES           1000000 /* line numbers remembered of one file */
#define LIMIT_LINE_PATH_BYTES 256     /* their paths; longer ones are not remembered */

/* process files */
#define LIMIT_PROCFILE_BYTES    (64UL * 1024 * 1024) /* a file, or what its JavaScript yields */
#define LIMIT_YAML_BYTES        (16UL * 1024 * 1024) /* libfyaml takes some 100 bytes for each */
#define LIMIT_YAML_ALIAS_BYTES  (16UL * 1024 * 1024) /* memory that aliases of one file add */
#define LIMIT_CONFIG_TIMEOUT_MS (24LL * 3600 * 1000) /* PM2_CONFIG_TIMEOUT */

/* wire: rpc.sock and pub.sock */
#define LIMIT_FRAME_BYTES      (32UL * 1024 * 1024) /* one AMP frame, all arguments together */
#define LIMIT_RPC_CLIENTS      2048                 /* connections on rpc.sock */
#define LIMIT_RPC_PIPELINE     4096                 /* calls of one client under way */
#define LIMIT_RPC_OUT_BYTES    (64UL * 1024 * 1024) /* replies that one client has not read */
#define LIMIT_SUB_CLIENTS      512                  /* connections on pub.sock */
#define LIMIT_SUB_OUT_BYTES    (8UL * 1024 * 1024)  /* not read by one subscriber, or one */
#define LIMIT_SUB_BEHIND_BYTES (1UL * 1024 * 1024)  /* of them, before sources pause for it ... */
#define LIMIT_SUB_WAIT_MS      1000                 /* ... for one that takes nothing */

/* Node channel */
#define LIMIT_CHANNEL_LINE_BYTES (16UL * 1024 * 1024) /* one message of an app */
#define LIMIT_CHANNEL_OUT_BYTES  (16UL * 1024 * 1024) /* messages that an app has not read */
#define LIMIT_CHANNEL_HANDLES    1024                 /* handles that an app has not taken */
#define LIMIT_STDIN_OUT_BYTES    (1UL * 1024 * 1024)  /* lines that an app has not read */

/* keeper link */
#define LIMIT_LINK_FRAME_BYTES (16UL * 1024 * 1024)
#define LIMIT_LINK_FDS         16   /* fds with one frame */
#define LIMIT_LINK_NOTE_BYTES  4096 /* opaque note of a child; name of a stored fd */
#define LIMIT_LINK_RLIMITS     16   /* kinds of limits of one process */
#define LIMIT_LINK_STORED      4096 /* fds in the keeper's store */
#define LIMIT_LINK_OUT_BYTES   (16UL * 1024 * 1024) /* what pm2d has not read from its keeper */
#define LIMIT_HANDOVER_BYTES   (64UL * 1024 * 1024) /* state of a keeper that is replaced */

/* app */
#define LIMIT_NAME_BYTES       255    /* app name; PM2 has none, file names do */
#define LIMIT_INSTANCES        4096   /* of one start */
#define LIMIT_REGEX_BYTES      4096   /* /regex/ as a target */
#define LIMIT_REGEX_STEPS      100000 /* of it on one name */
#define LIMIT_PROCESSES        65536  /* in one daemon */
#define LIMIT_ARGS             65536  /* arguments of one app */
#define LIMIT_FILE_APPS        10000  /* apps of one process file */
#define LIMIT_FILE_NOTES       1000   /* errors, and warnings, told of one process file */
#define LIMIT_DEPENDS          256    /* apps that one app depends on */
#define LIMIT_AXM_ACTIONS      1024   /* actions that one app registers */
#define LIMIT_AXM_ACTION_BYTES 16384  /* one of them, as JSON */
#define LIMIT_ACTION_WAITS     256    /* calls of actions of one process that are not answered */
#define LIMIT_AXM_BYTES        (1UL * 1024 * 1024) /* axm_monitor + axm_options of one app, as JSON */
#define LIMIT_LISTEN           16               /* addresses of one app; at most LIMIT_LINK_FDS */
#define LIMIT_SEATS            2048             /* sockets of apps with `listen`, of one daemon */
#define LIMIT_GATES            1024             /* sockets that cluster apps share, of one daemon */
#define LIMIT_STICKY_WAITING   64               /* connections that wait for one busy worker */
#define LIMIT_TREE_PIDS        512              /* what one app forked, as its memory is counted */
#define LIMIT_DEPEND_MS        (10 * 60 * 1000) /* how long an app waits for what it depends on */
#define LIMIT_DELAY_MS         (7LL * 24 * 3600 * 1000) /* any configured delay or timeout */

#define LIMIT_ACTION_ANSWER_MS (5 * 60 * 1000) /* how long an app may take for its answer */
#define LIMIT_SUB_WISH_BYTES   64              /* what a subscriber may say of itself */

#define LIMIT_HISTORY_BYTES      (2UL * 1024 * 1024) /* history.jsonl; as much again in .1 */
#define LIMIT_HISTORY_LINE_BYTES 16384               /* one record */
#define LIMIT_SERVICE_BYTES      128 /* name of the user or the service of a start-up script */
#define LIMIT_DUMP_BYTES         (128UL * 1024 * 1024) /* dump.pm2 */
#define LIMIT_DUMP_ID            1000000 /* an id above it is not given again by resurrect */
#define LIMIT_DUMP_NOTES         1000 /* apps that resurrect tells of in one answer, of each kind */
#define LIMIT_SETTINGS_BYTES     (4UL * 1024 * 1024) /* module_conf.json */

/* what apps say by sd_notify; health probes */
#define LIMIT_NOTIFY_BYTES        4096 /* one datagram */
#define LIMIT_NOTIFY_STATUS_BYTES 256  /* of STATUS= */
#define LIMIT_NOTIFY_FDS          16   /* with one datagram */
#define LIMIT_NOTIFY_EARLY        16   /* messages that came before the pid of their sender's app */
#define LIMIT_NOTIFY_PER_TURN     64   /* datagrams read in one turn of the loop */

/* what programs say on the instance socket */
#define LIMIT_INSTANCE_CONNS      64   /* connections of one process */
#define LIMIT_INSTANCE_ALL        2048 /* connections of one daemon */
#define LIMIT_INSTANCE_STRANGERS  64   /* of which nobody knows yet for whom they speak */
#define LIMIT_INSTANCE_PER_TURN   32   /* accepted in one turn of the loop */
#define LIMIT_INSTANCE_OUT_BYTES  (1UL * 1024 * 1024) /* lines that a connection has not read */
#define LIMIT_INSTANCE_TOLD_BYTES (16UL * 1024)       /* behind which it is not told of mistakes */

#define LIMIT_PROBE_ANSWER_BYTES 8192 /* up to the status line of an HTTP answer */
#define LIMIT_PROBE_ERROR_BYTES  256  /* why a probe failed */

/* secrets */
#define LIMIT_SECRET_BYTES      65536 /* of one value; the kernel takes no variable over 128 KiB */
#define LIMIT_SECRET_COMMANDS   8     /* that fetch secrets at the same time */
#define LIMIT_SECRET_COMMAND_MS 15000 /* for one of them */

/* sockets of SO_REUSEPORT groups */
#define LIMIT_STEER_SOCKETS 1024 /* among which one program chooses */

/* watching */
#define LIMIT_GLOB_BRACES 1024   /* patterns that one with braces stands for */
#define LIMIT_GLOB_STEPS  100000 /* of one comparison */

/* log pump */
#define LIMIT_PATH_BYTES        4096                 /* of a log file, its NUL included */
#define LIMIT_PUMP_CHUNK_BYTES  (1UL * 1024 * 1024)  /* moved per wake-up of one stream */
#define LIMIT_ROTATE_WAIT_BYTES (1UL * 1024 * 1024)  /* of a line at whose end a file is rotated */
#define LIMIT_LOG_FLOOR_BYTES   (64UL * 1024 * 1024) /* of free space, unless said otherwise */
#define LIMIT_LOG_LINE_BYTES    (64UL * 1024) /* with a prefix; a longer one comes in parts */
#define LIMIT_LOG_STAMP_BYTES   1024UL        /* the time before a line */
#define LIMIT_TAP_CHUNK_BYTES   (64UL * 1024) /* one log event on the bus */

/* pm2 logs: a longer line is shown in pieces */
#define LIMIT_CLI_LINE_BYTES    (8UL * 1024 * 1024)
#define LIMIT_CLI_OWNER_BYTES   (8UL * 1024 * 1024) /* lines whose writer is looked for */
#define LIMIT_CLI_KEPT_LINES    (1UL << 20) /* of a range of time, of which the last are wanted */
#define LIMIT_CLI_INDEX_RECORDS (1UL << 20) /* of a time index: more than a year of writing */

/* what the kernel is asked about open connections */
#define LIMIT_DIAG_SOCKETS 1000000

/* socket path, sun_path less its NUL */
#define LIMIT_SOCKET_PATH 107
