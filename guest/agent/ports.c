/* ports: which TCP and UDP ports are listened on; `+ tcp ADDRESS PORT` and `- …` as they come and go. */
#include "agent.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct port {
    char text[80];
    bool seen;
};

enum { PORT_LIMIT = 1024, PERIOD_MS = 500 };
static struct port known[PORT_LIMIT];
static size_t known_count;

static void saw(const char *text)
{
    for (size_t index = 0; index < known_count; index += 1)
        if (strcmp(known[index].text, text) == 0) {
            known[index].seen = true;
            return;
        }
    if (known_count == PORT_LIMIT) return;
    snprintf(known[known_count].text, sizeof known->text, "%s", text);
    known[known_count++].seen = true;
    printf("+ %s\n", text);
}

/* The kernel prints addresses as 32-bit words of the host's order. */
static void read_table(const char *file, const char *protocol, int wanted_state)
{
    FILE *table = fopen(file, "re");
    char line[512], address_hex[33];
    unsigned port, state;
    if (table == NULL) return;
    while (fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", address_hex, &port, &state) != 3) continue;
        if ((int)state != wanted_state) continue;
        uint32_t words[4] = {0};
        size_t count = strlen(address_hex) / 8;
        for (size_t index = 0; index < count; index += 1) sscanf(address_hex + 8 * index, "%8x", &words[index]);
        char address[INET6_ADDRSTRLEN], text[80];
        inet_ntop(count == 1 ? AF_INET : AF_INET6, words, address, sizeof address);
        snprintf(text, sizeof text, "%s %s %u", protocol, address, port);
        saw(text);
    }
    fclose(table);
}

int applet_ports(int count, char **words)
{
    bool once = count == 2 && strcmp(words[1], "once") == 0;
    for (;;) {
        for (size_t index = 0; index < known_count; index += 1) known[index].seen = false;
        read_table("/proc/net/tcp", "tcp", 0x0a);
        read_table("/proc/net/tcp6", "tcp", 0x0a);
        read_table("/proc/net/udp", "udp", 0x07);
        read_table("/proc/net/udp6", "udp", 0x07);
        size_t kept = 0;
        for (size_t index = 0; index < known_count; index += 1) {
            if (known[index].seen) known[kept++] = known[index];
            else printf("- %s\n", known[index].text);
        }
        known_count = kept;
        if (fflush(stdout) != 0) return 1;
        if (once) return 0;
        struct timespec pause = {.tv_nsec = PERIOD_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}
