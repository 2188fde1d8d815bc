/* SPDX-License-Identifier: MIT
 * The program pm2. */
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"

/* A socket that lands on the place of a closed stdout would get our messages. */
static void fill_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(1);
}

int main(int argc, char **argv)
{
    fill_standard_fds();
    return cli_main(argc - 1, argv + 1);
}
