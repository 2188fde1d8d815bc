/* SPDX-License-Identifier: MIT
 * What the command line tests ask most, in one process: a field of `pm2 jlist`, once or until it is
 * what is wanted. (A shell needs ten processes for that, and so most of the time of a test.)
 *
 *   ask get PM2 NAME_OR_ID FIELD.PATH                  print it; nothing when there is none
 *   ask wait SECONDS PM2 NAME_OR_ID FIELD.PATH VALUE   until it is VALUE; else 1, and say what it
 * is ask count PM2                                      how many processes the list has
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PACE_MS 30

extern char **environ;

static pid_t spawn_jlist(const char *pm2, int out)
{
    char *argv[] = {(char *)pm2, "jlist", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, pm2, &actions, NULL, argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* NULL when pm2 gave no list. */
static json_t *list_of(const char *pm2)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return NULL;
    pid_t pid = spawn_jlist(pm2, ends[1]);
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    json_t *list = in ? json_loadf(in, JSON_ALLOW_NUL, NULL) : NULL;
    if (in)
        fclose(in);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return list;
}

static json_t *find(json_t *list, const char *which)
{
    size_t i;
    json_t *process;
    json_array_foreach (list, i, process) {
        char id[24];
        const char *name = json_string_value(json_object_get(process, "name"));
        snprintf(id, sizeof(id), "%lld",
                 (long long)json_integer_value(json_object_get(process, "pm_id")));
        if ((name && strcmp(name, which) == 0) || strcmp(id, which) == 0)
            return process;
    }
    return NULL;
}

/* As a string that the caller frees: strings without quotes, all else as JSON. */
static char *field(json_t *list, const char *which, const char *path)
{
    json_t *at = find(list, which);
    while (at && *path) {
        char key[128];
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof(key), "%.*s", (int)n, path);
        at = json_object_get(at, key);
        path += n + (path[n] == '.');
    }
    if (!at || json_is_null(at))
        return strdup("");
    if (json_is_string(at))
        return strdup(json_string_value(at));
    return json_dumps(at, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
}

static char *ask(const char *pm2, const char *which, const char *path)
{
    json_t *list = list_of(pm2);
    char *value = field(list, which, path);
    json_decref(list);
    return value ? value : strdup("");
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int wait_for(const char *seconds, char **args)
{
    const double until = now() + strtod(seconds, NULL);
    for (;;) {
        char *value = ask(args[0], args[1], args[2]);
        bool is_it = strcmp(value, args[3]) == 0;
        if (!is_it && now() >= until)
            printf("not within %s s: %s %s is %s; it was %s to the end\n", seconds, args[1],
                   args[2], args[3], value);
        free(value);
        if (is_it || now() >= until)
            return is_it ? 0 : 1;
        nanosleep(&(struct timespec){.tv_nsec = PACE_MS * 1000000}, NULL);
    }
}

static int get(char **args)
{
    char *value = ask(args[0], args[1], args[2]);
    puts(value);
    free(value);
    return 0;
}

static int count(char **args)
{
    json_t *list = list_of(args[0]);
    printf("%zu\n", json_array_size(list));
    json_decref(list);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "get") == 0)
        return get(argv + 2);
    if (argc == 7 && strcmp(argv[1], "wait") == 0)
        return wait_for(argv[2], argv + 3);
    if (argc == 3 && strcmp(argv[1], "count") == 0)
        return count(argv + 2);
    fputs("usage: ask get PM2 APP FIELD | wait SECONDS PM2 APP FIELD VALUE | count PM2\n", stderr);
    return 2;
}
