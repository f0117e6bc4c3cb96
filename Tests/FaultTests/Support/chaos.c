// An HTTP/1.1 replica that misbehaves on demand, for fault tests: one thread, epoll.
//
//   chaos PORT LEDGER     listens on 127.0.0.1 (0: a free port); prints its port and the port of its control
//
// Requests: GET /ready and GET /item/N as `replica.c`; POST /order/N counts order N in the ledger, a file of one byte
// per order that all replicas share: what is above 1 was carried out twice.
//
// Control, one line at a time: the name of a mode, answered with `{"requests":R,"connections":C}`, both counted since
// the process began. `good`, `slow` (300 ms), `silent` (reads, never answers), `closing` (closes instead of an answer),
// `garbage`, `twice` (two answers), `longer` and `shorter` (than declared), `endless` (a head without end), `busy`
// (503), `sometimes-busy` (503 in every second second), `down` (refuses connections), `flapping` (300 ms up, 300 ms
// down); any other word only asks.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "item.h"

enum { CONNECTIONS_MAX = 4096, INPUT_MAX = 8192, OUTPUT_MAX = 8192, LEDGER_SIZE = 1 << 22 };

enum mode {
    GOOD, SLOW, SILENT, CLOSING, GARBAGE, TWICE, LONGER, SHORTER, ENDLESS, BUSY, SOMETIMES_BUSY, DOWN, FLAPPING
};
static const char *const mode_names[] = {
    "good", "slow", "silent", "closing", "garbage", "twice", "longer",
    "shorter", "endless", "busy", "sometimes-busy", "down", "flapping",
};

struct connection {
    char input[INPUT_MAX];
    size_t input_count;
    char output[OUTPUT_MAX];
    size_t output_count;
    long long due;  // when the output may leave, ms
    int is_open, is_control, is_endless, closes;
};

static struct connection *connections[CONNECTIONS_MAX];
static int poller, listener = -1, port;
static enum mode mode = GOOD;
static int was_slow;
static long requests, accepted;
static unsigned char *ledger;

static long long now_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void watch(int socket, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = socket};
    epoll_ctl(poller, operation, socket, &event);
}

static void drop(int socket) {
    connections[socket]->is_open = 0;
    close(socket);
}

static int listen_on(int wanted, int *chosen) {
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)wanted);
    socklen_t length = sizeof address;
    if (bind(socket_, (struct sockaddr *)&address, length) != 0 || listen(socket_, 1024) != 0) {
        perror("chaos");
        exit(1);
    }
    getsockname(socket_, (struct sockaddr *)&address, &length);
    *chosen = ntohs(address.sin_port);
    watch(socket_, EPOLL_CTL_ADD, EPOLLIN);
    return socket_;
}

/// Takes connections, or refuses them and resets those that are there.
static void set_listening(int is_listening) {
    if (is_listening == (listener >= 0)) return;
    if (is_listening) {
        listener = listen_on(port, &port);
        return;
    }
    close(listener);
    listener = -1;
    struct linger reset = {.l_onoff = 1};
    for (int socket = 0; socket < CONNECTIONS_MAX; socket++) {
        if (!connections[socket] || !connections[socket]->is_open || connections[socket]->is_control) continue;
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        drop(socket);
    }
}

static void add(struct connection *c, const char *text, size_t count) {
    if (count > sizeof c->output - c->output_count) count = sizeof c->output - c->output_count;
    memcpy(c->output + c->output_count, text, count);
    c->output_count += count;
}

static void add_text(struct connection *c, const char *text) { add(c, text, strlen(text)); }

static void add_answer(struct connection *c, const char *status, const char *body, size_t count, size_t declared) {
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, declared);
    add_text(c, head);
    add(c, body, count);
}

static void answer(struct connection *c, const char *method, const char *target) {
    char body[ITEM_MAX] = "ok\n";
    size_t count = 3;
    int is_check = strcmp(target, "/ready") == 0;
    if (!is_check) requests++;
    if (strncmp(target, "/item/", 6) == 0) count = write_item(body, strtoul(target + 6, NULL, 10));
    if (strcmp(method, "POST") == 0 && strncmp(target, "/order/", 7) == 0) {
        unsigned long number = strtoul(target + 7, NULL, 10);
        if (number < LEDGER_SIZE) __atomic_add_fetch(&ledger[number], 1, __ATOMIC_SEQ_CST);
    }
    // The check notices a process that hangs, but not that its other answers are wrong.
    switch (is_check && mode != SILENT ? GOOD : mode) {
        case SLOW: c->due = now_milliseconds() + 300; was_slow = 1; break;
        case SILENT: return;
        case CLOSING: c->closes = 1; return;
        case GARBAGE: add_text(c, "\x01\x02 this is not the protocol that you look for\r\n\r\n"); return;
        case TWICE: add_answer(c, "200 OK", body, count, count); break;
        case LONGER: add_answer(c, "200 OK", body, count, count); add_text(c, "and more"); return;
        case SHORTER: add_answer(c, "200 OK", body, count, count + 1); c->closes = 1; return;
        case ENDLESS: add_text(c, "HTTP/1.1 200 OK\r\n"); c->is_endless = 1; return;
        case SOMETIMES_BUSY:
            if (now_milliseconds() / 1000 % 2) break;
            // Fall through.
        case BUSY: add_answer(c, "503 Service Unavailable", "busy\n", 5, 5); return;
        default: break;
    }
    add_answer(c, "200 OK", body, count, count);
}

static void set_mode(struct connection *c, const char *name) {
    for (size_t i = 0; i < sizeof mode_names / sizeof *mode_names; i++) {
        if (strcmp(name, mode_names[i]) == 0) mode = (enum mode)i;
    }
    if (mode != FLAPPING) set_listening(mode != DOWN);
    char text[96];
    snprintf(text, sizeof text, "{\"requests\":%ld,\"connections\":%ld}\n", requests, accepted);
    add_text(c, text);
}

/// Takes one request off the input; 0 when it is not whole yet, -1 when it cannot be understood.
static int take_request(struct connection *c) {
    if (c->is_control) {
        char *end = memchr(c->input, '\n', c->input_count);
        if (!end) return 0;
        *end = 0;
        set_mode(c, c->input);
        c->input_count = 0;
        return 1;
    }
    char *end = memmem(c->input, c->input_count, "\r\n\r\n", 4);
    if (!end) return c->input_count == sizeof c->input ? -1 : 0;
    *end = 0;
    char *space = strchr(c->input, ' '), *last = space ? strchr(space + 1, ' ') : NULL;
    if (!last) return -1;
    *space = *last = 0;
    answer(c, c->input, space + 1);
    size_t used = (size_t)(end + 4 - c->input);
    memmove(c->input, c->input + used, c->input_count - used);
    c->input_count -= used;
    return 1;
}

/// Sends what is due; -1 when the connection is gone.
static int flush(int socket, struct connection *c) {
    if (c->due > now_milliseconds()) return 0;
    while (c->output_count > 0) {
        ssize_t sent = send(socket, c->output, c->output_count, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? 0 : -1;
        memmove(c->output, c->output + sent, c->output_count - (size_t)sent);
        c->output_count -= (size_t)sent;
    }
    return c->closes ? -1 : 0;
}

static void serve(int socket) {
    struct connection *c = connections[socket];
    for (;;) {
        if (c->is_endless && c->output_count == 0) {
            for (int i = 0; i < 64; i++) add_text(c, "X-More: and more and more and more\r\n");
        }
        if (flush(socket, c) < 0) return drop(socket);
        if (c->output_count > 0 || c->is_endless) break;
        int taken = take_request(c);
        if (taken < 0) return drop(socket);
        if (taken > 0) continue;
        ssize_t count = recv(socket, c->input + c->input_count, sizeof c->input - c->input_count, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return drop(socket);
        if (count < 0) break;
        c->input_count += (size_t)count;
    }
    int waits = c->output_count > 0 || c->is_endless;
    watch(socket, EPOLL_CTL_MOD, c->due > now_milliseconds() ? EPOLLRDHUP : waits ? EPOLLOUT : EPOLLIN);
}

static void accept_all(int from, int is_control) {
    for (;;) {
        int socket = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        if (socket >= CONNECTIONS_MAX) {
            close(socket);
            continue;
        }
        if (!is_control) accepted++;
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!connections[socket]) connections[socket] = malloc(sizeof *connections[socket]);
        if (!connections[socket]) exit(1);
        memset(connections[socket], 0, sizeof *connections[socket]);
        connections[socket]->is_open = 1;
        connections[socket]->is_control = is_control;
        watch(socket, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    int file = open(arguments[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, LEDGER_SIZE) != 0) return 1;
    ledger = mmap(NULL, LEDGER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (ledger == MAP_FAILED) return 1;
    poller = epoll_create1(EPOLL_CLOEXEC);
    int control_port;
    listener = listen_on(atoi(arguments[1]), &port);
    int control = listen_on(0, &control_port);
    printf("%d %d\n", port, control_port);
    fflush(stdout);
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, 20);
        if (mode == FLAPPING) set_listening(now_milliseconds() / 300 % 2);
        for (int i = 0; i < ready; i++) {
            int socket = events[i].data.fd;
            if (socket == listener || socket == control)
                accept_all(socket, socket == control);
            else if (connections[socket] && connections[socket]->is_open)
                serve(socket);
        }
        for (int i = 0; was_slow && i < CONNECTIONS_MAX; i++) {
            struct connection *c = connections[i];
            if (c && c->is_open && c->output_count > 0 && c->due <= now_milliseconds()) serve(i);
        }
    }
}
