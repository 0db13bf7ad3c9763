/*
 * Commands: a stream is a process with its stdin, stdout and stderr (or a terminal). Both directions have credit: the
 * host may send STDIN_CREDIT bytes before it hears that they were taken, and the agent no more than the host allowed.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct stream {
    uint32_t id;
    pid_t pid; /* 0: free */
    int in, out, err;
    bool terminal;
    bool input_ended;
    bool ended;
    int status;
    bool is_upgrade;
    uint64_t credit;
    uint8_t *pending; /* what the host sent and the process has not read */
    size_t pending_start, pending_bytes, taken;
};

static struct stream streams[STREAM_LIMIT];
char process_upgrade[sizeof UPGRADE_FILE];

static void send_error(uint32_t id, int number, const char *words)
{
    uint8_t payload[4 + 256];
    size_t length = strnlen(words, 256);
    put32(payload, (uint32_t)number);
    memcpy(payload + 4, words, length);
    port_send(FRAME_ERROR, 0, id, payload, (uint32_t)(4 + length));
}

static struct stream *find(uint32_t id)
{
    for (size_t index = 0; index < STREAM_LIMIT; index += 1)
        if (streams[index].pid != 0 && streams[index].id == id) return &streams[index];
    return NULL;
}

static void shut(int *descriptor)
{
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
}

static void release(struct stream *stream)
{
    if (stream->terminal && stream->in >= 0) stream->out = -1;
    shut(&stream->in);
    shut(&stream->out);
    shut(&stream->err);
    free(stream->pending);
    memset(stream, 0, sizeof *stream);
    stream->in = stream->out = stream->err = -1;
}

/* The words of an EXEC frame. */
struct request {
    uint32_t flags;
    uint32_t credit;
    struct winsize size;
    char *user;
    char *folder;
    char **words;
    uint32_t word_count;
    char **environment;
    uint32_t environment_count;
};

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static uint32_t take32(struct reader *reader)
{
    if (reader->end - reader->at < 4) {
        reader->bad = true;
        return 0;
    }
    uint32_t value = get32(reader->at);
    reader->at += 4;
    return value;
}

static char *take_string(struct reader *reader)
{
    uint32_t length = take32(reader);
    if (reader->bad || length > (size_t)(reader->end - reader->at)) {
        reader->bad = true;
        return NULL;
    }
    char *text = strndup((const char *)reader->at, length);
    reader->at += length;
    if (text == NULL) reader->bad = true;
    return text;
}

static char **take_list(struct reader *reader, uint32_t *count)
{
    *count = take32(reader);
    /* Each string has at least its length. */
    if (reader->bad || *count > (size_t)(reader->end - reader->at) / 4) {
        reader->bad = true;
        *count = 0;
        return NULL;
    }
    char **list = calloc(*count + 1, sizeof *list);
    for (uint32_t index = 0; list != NULL && index < *count && !reader->bad; index += 1) list[index] = take_string(reader);
    if (list == NULL) reader->bad = true;
    return list;
}

static void forget_list(char **list, uint32_t count)
{
    for (uint32_t index = 0; list != NULL && index < count; index += 1) free(list[index]);
    free(list);
}

static void forget(struct request *request)
{
    free(request->user);
    free(request->folder);
    forget_list(request->words, request->word_count);
    forget_list(request->environment, request->environment_count);
}

static bool parse(const struct frame *frame, struct request *request)
{
    struct reader reader = {.at = frame->payload, .end = frame->payload + frame->length};
    memset(request, 0, sizeof *request);
    request->flags = take32(&reader);
    request->credit = take32(&reader);
    uint32_t size = take32(&reader);
    request->size.ws_row = (unsigned short)(size & 0xffff);
    request->size.ws_col = (unsigned short)(size >> 16);
    request->user = take_string(&reader);
    request->folder = take_string(&reader);
    request->words = take_list(&reader, &request->word_count);
    request->environment = take_list(&reader, &request->environment_count);
    return !reader.bad && request->word_count > 0;
}

/* In the child: become the user, stand in the folder. Returns what failed, or NULL. */
static const char *take_place(const struct request *request)
{
    const struct passwd *user = request->user[0] != 0 ? getpwnam(request->user) : getpwuid(getuid());
    if (user == NULL && request->user[0] != 0) {
        errno = ENOENT;
        return "user";
    }
    if (request->flags & EXEC_CLEAR_ENVIRONMENT) clearenv();
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
    if (user != NULL) {
        setenv("HOME", user->pw_dir, 1);
        setenv("USER", user->pw_name, 1);
        setenv("LOGNAME", user->pw_name, 1);
        setenv("SHELL", user->pw_shell, 1);
        if (user->pw_uid != getuid() &&
            (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
            return "user";
    }
    for (uint32_t index = 0; index < request->environment_count; index += 1)
        if (putenv(request->environment[index]) != 0) return "environment";
    if (request->folder[0] != 0) return chdir(request->folder) == 0 ? NULL : "folder";
    if (user == NULL || chdir(user->pw_dir) != 0) (void)!chdir("/");
    return NULL;
}

static void fail_child(int report, const char *what)
{
    char words[64];
    int number = errno;
    int length = snprintf(words, sizeof words, "%s", what);
    (void)!write(report, &number, sizeof number);
    (void)!write(report, words, (size_t)length);
    _exit(127);
}

static void child(const struct request *request, int in, int out, int err, int report)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    if (!(request->flags & EXEC_TTY)) {
        setsid();
        if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) fail_child(report, "descriptors");
    }
    const char *failed = take_place(request);
    if (failed != NULL) fail_child(report, failed);
    if (request->flags & EXEC_APPLET) {
        /* No program is started that would close them: another command's stdin must not stay open here. */
        for (int descriptor = 3; descriptor < 1024; descriptor += 1) close(descriptor);
        exit(applet_run((int)request->word_count, request->words));
    }
    execvp(request->words[0], request->words);
    fail_child(report, request->words[0]);
}

static bool pipes(int pair[2])
{
    return pipe2(pair, O_CLOEXEC) == 0;
}

static void unblock(int descriptor)
{
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/* Starts the process and fills the stream's descriptors; false with errno. */
static bool spawn(struct stream *stream, const struct request *request, int report)
{
    if (request->flags & EXEC_TTY) {
        int master;
        stream->pid = forkpty(&master, NULL, NULL, &request->size);
        if (stream->pid == 0) child(request, -1, -1, -1, report);
        if (stream->pid < 0) return false;
        unblock(master);
        stream->in = stream->out = master;
        return true;
    }
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    bool ready = pipes(in) && pipes(out) && pipes(err);
    if (ready) stream->pid = fork();
    if (ready && stream->pid == 0) child(request, in[0], out[1], err[1], report);
    int number = errno;
    shut(&in[0]);
    shut(&out[1]);
    shut(&err[1]);
    errno = number;
    if (!ready || stream->pid < 0) {
        shut(&in[1]);
        shut(&out[0]);
        shut(&err[0]);
        return false;
    }
    unblock(in[1]);
    unblock(out[0]);
    unblock(err[0]);
    stream->in = in[1];
    stream->out = out[0];
    stream->err = err[0];
    return true;
}

static void start(const struct frame *frame)
{
    struct stream *stream = NULL;
    for (size_t index = 0; index < STREAM_LIMIT && stream == NULL; index += 1)
        if (streams[index].pid == 0) stream = &streams[index];
    if (find(frame->stream) != NULL) return send_error(frame->stream, EEXIST, "stream");
    if (stream == NULL) return send_error(frame->stream, EAGAIN, "streams");
    struct request request;
    int report[2] = {-1, -1};
    memset(stream, 0, sizeof *stream);
    stream->in = stream->out = stream->err = -1;
    if (!parse(frame, &request)) {
        send_error(frame->stream, EINVAL, "request");
    } else if ((stream->pending = malloc(STDIN_CREDIT)) == NULL || !pipes(report)) {
        send_error(frame->stream, errno, "resources");
        release(stream);
    } else {
        stream->id = frame->stream;
        stream->terminal = (request.flags & EXEC_TTY) != 0;
        stream->credit = request.credit;
        stream->is_upgrade = (request.flags & EXEC_APPLET) && strcmp(request.words[0], "upgrade") == 0;
        if (!spawn(stream, &request, report[1])) {
            int number = errno;
            stream->pid = 0;
            send_error(frame->stream, number, "process");
            release(stream);
        } else {
            int number;
            char words[64] = "";
            close(report[1]);
            report[1] = -1;
            /* An applet and a program that could be started close it without a word. */
            if (read_whole(report[0], &number, sizeof number)) {
                ssize_t got = read(report[0], words, sizeof words - 1);
                words[got > 0 ? got : 0] = 0;
                waitpid(stream->pid, NULL, 0);
                send_error(stream->id, number, words);
                release(stream);
            } else {
                uint8_t pid[4];
                put32(pid, (uint32_t)stream->pid);
                port_send(FRAME_STARTED, 0, stream->id, pid, sizeof pid);
            }
        }
    }
    if (report[0] >= 0) close(report[0]);
    if (report[1] >= 0) close(report[1]);
    forget(&request);
}

static void report_taken(struct stream *stream)
{
    if (stream->taken == 0 || (stream->taken < STDIN_CREDIT / 2 && stream->pending_bytes > 0)) return;
    uint8_t bytes[4];
    put32(bytes, (uint32_t)stream->taken);
    port_send(FRAME_WINDOW, CHANNEL_STDIN, stream->id, bytes, sizeof bytes);
    stream->taken = 0;
}

static void feed(struct stream *stream)
{
    while (stream->pending_bytes > 0 && stream->in >= 0) {
        ssize_t put = write(stream->in, stream->pending + stream->pending_start, stream->pending_bytes);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0 && errno == EAGAIN) break;
        if (put <= 0) {
            /* It reads no more; what comes is swallowed so that the host is not held up. */
            if (!stream->terminal) shut(&stream->in);
            put = (ssize_t)stream->pending_bytes;
        }
        stream->pending_start += (size_t)put;
        stream->pending_bytes -= (size_t)put;
        stream->taken += (size_t)put;
    }
    if (stream->in < 0) {
        stream->taken += stream->pending_bytes;
        stream->pending_bytes = 0;
    }
    if (stream->pending_bytes == 0) {
        stream->pending_start = 0;
        if (stream->input_ended && !stream->terminal) shut(&stream->in);
    }
    report_taken(stream);
}

static void take_data(struct stream *stream, const struct frame *frame)
{
    if (frame->length == 0) {
        /* The end of a terminal's input is Ctrl+D, typed. */
        if (stream->terminal && !stream->input_ended && stream->in >= 0) (void)!write(stream->in, "\4", 1);
        stream->input_ended = true;
        return feed(stream);
    }
    if (stream->pending_start > 0) {
        memmove(stream->pending, stream->pending + stream->pending_start, stream->pending_bytes);
        stream->pending_start = 0;
    }
    if (stream->pending_bytes + frame->length > STDIN_CREDIT) {
        /* More than it was allowed: a host that does not count ends its own command. */
        if (!stream->ended) kill(-stream->pid, SIGKILL);
        return;
    }
    memcpy(stream->pending + stream->pending_bytes, frame->payload, frame->length);
    stream->pending_bytes += frame->length;
    feed(stream);
}

/* A fork that must become itself first of all: no process is started for it. */
static void identify(const struct frame *frame)
{
    static char text[4096];
    uint8_t failures[4];
    if (frame->length >= sizeof text) return send_error(frame->stream, EMSGSIZE, "identity");
    memcpy(text, frame->payload, frame->length);
    text[frame->length] = 0;
    put32(failures, (uint32_t)identity_take(text));
    port_send(FRAME_PONG, 0, frame->stream, failures, sizeof failures);
}

void process_frame(const struct frame *frame)
{
    if (frame->type == FRAME_IDENTIFY) return identify(frame);
    if (frame->type == FRAME_PING) return port_send(FRAME_PONG, 0, frame->stream, frame->payload, frame->length);
    if (frame->type == FRAME_EXEC) return start(frame);
    struct stream *stream = find(frame->stream);
    if (stream == NULL) return;
    switch (frame->type) {
    case FRAME_DATA:
        return take_data(stream, frame);
    case FRAME_WINDOW:
        if (frame->length == 4) stream->credit += get32(frame->payload);
        return;
    case FRAME_SIGNAL:
        if (frame->length == 4 && !stream->ended) kill(-stream->pid, (int)get32(frame->payload));
        return;
    case FRAME_RESIZE:
        if (frame->length == 4 && stream->terminal && stream->in >= 0) {
            uint32_t size = get32(frame->payload);
            struct winsize window = {.ws_row = (unsigned short)(size & 0xffff), .ws_col = (unsigned short)(size >> 16)};
            ioctl(stream->in, TIOCSWINSZ, &window);
        }
        return;
    case FRAME_CLOSE:
        if (!stream->ended) kill(-stream->pid, SIGKILL);
        /* Nobody reads its words any more. */
        if (stream->terminal) stream->in = -1;
        shut(&stream->out);
        shut(&stream->err);
        return;
    }
}

/* Reads what there is and the host has allowed. Returns false at the end. */
static bool drain(struct stream *stream, int *descriptor, uint8_t channel)
{
    static uint8_t buffer[DATA_CHUNK];
    while (*descriptor >= 0 && stream->credit > 0 && port_has_room()) {
        size_t most = stream->credit < sizeof buffer ? (size_t)stream->credit : sizeof buffer;
        ssize_t got = read(*descriptor, buffer, most);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) {
            /* A terminal without processes answers EIO. */
            if (stream->terminal) stream->in = -1;
            shut(descriptor);
            return false;
        }
        stream->credit -= (uint64_t)got;
        port_send(FRAME_DATA, channel, stream->id, buffer, (uint32_t)got);
    }
    return true;
}

/* The process ended and all it said was sent: say how. A grandchild that keeps the pipes open is not waited for. */
static void finish_if_done(struct stream *stream)
{
    if (!stream->ended) return;
    drain(stream, &stream->out, CHANNEL_STDOUT);
    drain(stream, &stream->err, CHANNEL_STDERR);
    if ((stream->out >= 0 || stream->err >= 0) && (stream->credit == 0 || !port_has_room())) return;
    uint8_t payload[8];
    bool signalled = WIFSIGNALED(stream->status);
    put32(payload, signalled ? 1 : 0);
    put32(payload + 4, (uint32_t)(signalled ? WTERMSIG(stream->status) : WEXITSTATUS(stream->status)));
    port_send(FRAME_EXIT, 0, stream->id, payload, sizeof payload);
    if (stream->is_upgrade && stream->status == 0) strcpy(process_upgrade, UPGRADE_FILE);
    release(stream);
}

void process_child_ended(void)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t index = 0; index < STREAM_LIMIT; index += 1)
            if (streams[index].pid == pid && !streams[index].ended) {
                streams[index].ended = true;
                streams[index].status = status;
            }
    for (size_t index = 0; index < STREAM_LIMIT; index += 1)
        if (streams[index].pid != 0) finish_if_done(&streams[index]);
}

/* A new host knows nothing of its predecessor's commands: they are told that their terminal is gone. */
void process_hang_up(void)
{
    for (size_t index = 0; index < STREAM_LIMIT; index += 1) {
        struct stream *stream = &streams[index];
        if (stream->pid == 0) continue;
        if (!stream->ended) kill(-stream->pid, SIGHUP);
        release(stream);
    }
}

size_t process_poll(struct pollfd *list)
{
    size_t count = 0;
    bool room = port_has_room();
    for (size_t index = 0; index < STREAM_LIMIT; index += 1) {
        struct stream *stream = &streams[index];
        if (stream->pid == 0) continue;
        if (stream->in >= 0 && stream->pending_bytes > 0) list[count++] = (struct pollfd){.fd = stream->in, .events = POLLOUT};
        if (!room || stream->credit == 0) continue;
        if (stream->out >= 0) list[count++] = (struct pollfd){.fd = stream->out, .events = POLLIN};
        if (stream->err >= 0) list[count++] = (struct pollfd){.fd = stream->err, .events = POLLIN};
    }
    return count;
}

void process_work(const struct pollfd *list, size_t count)
{
    for (size_t index = 0; index < STREAM_LIMIT; index += 1) {
        struct stream *stream = &streams[index];
        if (stream->pid == 0) continue;
        for (size_t at = 0; at < count; at += 1) {
            if (list[at].revents == 0) continue;
            if (list[at].events == POLLOUT && list[at].fd == stream->in) feed(stream);
            else if (list[at].fd == stream->out) drain(stream, &stream->out, CHANNEL_STDOUT);
            else if (list[at].fd == stream->err) drain(stream, &stream->err, CHANNEL_STDERR);
        }
        if (stream->pid != 0) finish_if_done(stream);
    }
}
