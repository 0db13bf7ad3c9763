/*
 * ports: which TCP and UDP ports are listened on; `+ tcp ADDRESS PORT` and `- …` as they come and go.
 * With `named` each `+` ends with the name of a process that has the socket, where one is found.
 */
#include "agent.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
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
static bool named;

static bool has_socket(const char *process, const char *socket)
{
    char folder[64], file[340], target[64];
    snprintf(folder, sizeof folder, "/proc/%.20s/fd", process);
    DIR *open_files = opendir(folder);
    if (open_files == NULL) return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(open_files)) != NULL;) {
        snprintf(file, sizeof file, "%s/%s", folder, entry->d_name);
        ssize_t length = readlink(file, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = 0;
        found = strcmp(target, socket) == 0;
    }
    closedir(open_files);
    return found;
}

/* The first process that has the socket open; empty: it is the kernel's, or its process is gone. */
static void owner_of(unsigned long inode, char name[17])
{
    char socket[40], file[64];
    name[0] = 0;
    snprintf(socket, sizeof socket, "socket:[%lu]", inode);
    DIR *processes = opendir("/proc");
    if (processes == NULL) return;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, socket)) continue;
        snprintf(file, sizeof file, "/proc/%.20s/comm", entry->d_name);
        FILE *comm = fopen(file, "re");
        if (comm == NULL) break;
        if (fgets(name, 17, comm) == NULL) name[0] = 0;
        fclose(comm);
        name[strcspn(name, "\n")] = 0;
        break;
    }
    closedir(processes);
    for (char *at = name; *at != 0; at += 1)
        if (*at < 0x20 || *at > 0x7e) *at = '?';
}

static void saw(const char *text, unsigned long inode)
{
    for (size_t index = 0; index < known_count; index += 1)
        if (strcmp(known[index].text, text) == 0) {
            known[index].seen = true;
            return;
        }
    if (known_count == PORT_LIMIT) return;
    snprintf(known[known_count].text, sizeof known->text, "%s", text);
    known[known_count++].seen = true;
    char name[17] = "";
    if (named) owner_of(inode, name);
    printf("+ %s%s%s\n", text, name[0] == 0 ? "" : " ", name);
}

/* The kernel prints addresses as 32-bit words of the host's order. */
static void read_table(const char *file, const char *protocol, int wanted_state)
{
    FILE *table = fopen(file, "re");
    char line[512], address_hex[33];
    unsigned port, state;
    unsigned long inode;
    if (table == NULL) return;
    while (fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*d %lu", address_hex,
                   &port, &state, &inode) != 4)
            continue;
        if ((int)state != wanted_state) continue;
        uint32_t words[4] = {0};
        size_t count = strlen(address_hex) / 8;
        for (size_t index = 0; index < count; index += 1) sscanf(address_hex + 8 * index, "%8x", &words[index]);
        char address[INET6_ADDRSTRLEN], text[80];
        inet_ntop(count == 1 ? AF_INET : AF_INET6, words, address, sizeof address);
        snprintf(text, sizeof text, "%s %s %u", protocol, address, port);
        saw(text, inode);
    }
    fclose(table);
}

int applet_ports(int count, char **words)
{
    bool once = false;
    for (int index = 1; index < count; index += 1) {
        once |= strcmp(words[index], "once") == 0;
        named |= strcmp(words[index], "named") == 0;
    }
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
