// A small fast HTTP/1.1 replica for fault tests: one thread, epoll, keep-alive.
//
//   replica [PORT]     listens on 127.0.0.1 (0 or nothing: a free port), prints the port, serves until killed
//
//   GET /ready         200
//   GET /item/N        200, a body that can be worked out from N (see `item.h`)
//   GET /bytes/N       200, N zero bytes, never more than the socket takes at once
//   anything else      200, the request's target; a body of the request is read and counted
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "item.h"

enum { CONNECTIONS_MAX = 16384, INPUT_MAX = 32768, OUTPUT_MAX = 16384 };

struct connection {
    char input[INPUT_MAX];
    size_t input_count;
    char output[OUTPUT_MAX];
    size_t output_start, output_end;
    long long zeros_left;  // of a /bytes answer
    long long body_left;   // of the request, still to be read
    int is_open;
};

static struct connection *connections[CONNECTIONS_MAX];
static int poller;

static void watch(int socket, int operation, int writes) {
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.fd = socket};
    epoll_ctl(poller, operation, socket, &event);
}

static void drop(int socket) {
    connections[socket]->is_open = 0;
    close(socket);
}

static int is_answered(const struct connection *c) { return c->output_start == c->output_end && c->zeros_left == 0; }

/// Sends what waits. 0: all of it left; 1: the socket is full; -1: the connection is gone.
static int flush(int socket, struct connection *c) {
    static const char zeros[65536];
    while (!is_answered(c)) {
        const char *from = c->output + c->output_start;
        size_t count = c->output_end - c->output_start;
        int is_head = count > 0;
        if (!is_head) {
            from = zeros;
            count = c->zeros_left < (long long)sizeof zeros ? (size_t)c->zeros_left : sizeof zeros;
        }
        ssize_t sent = send(socket, from, count, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? 1 : -1;
        if (is_head)
            c->output_start += (size_t)sent;
        else
            c->zeros_left -= sent;
    }
    c->output_start = c->output_end = 0;
    return 0;
}

static void answer(struct connection *c, const char *target) {
    char body[ITEM_MAX];
    size_t count;
    long long zeros = 0;
    if (strncmp(target, "/item/", 6) == 0) {
        count = write_item(body, strtoul(target + 6, NULL, 10));
    } else if (strncmp(target, "/bytes/", 7) == 0) {
        zeros = atoll(target + 7);
        count = 0;
    } else {
        count = (size_t)snprintf(body, sizeof body, "%.2000s\n", target);
    }
    long long length = zeros ? zeros : (long long)count;
    int head = snprintf(c->output, sizeof c->output, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", length);
    memcpy(c->output + head, body, count);
    c->output_end = (size_t)head + count;
    c->zeros_left = zeros;
}

/// Takes one request off the input; 0 when it is not whole yet, -1 when it cannot be understood.
static int take_request(struct connection *c) {
    if (c->body_left > 0) {
        size_t count = c->body_left < (long long)c->input_count ? (size_t)c->body_left : c->input_count;
        memmove(c->input, c->input + count, c->input_count - count);
        c->input_count -= count;
        c->body_left -= (long long)count;
        if (c->body_left > 0) return 0;
    }
    char *end = memmem(c->input, c->input_count, "\r\n\r\n", 4);
    if (!end) return c->input_count == sizeof c->input ? -1 : 0;
    *end = 0;
    char *length = strcasestr(c->input, "\r\ncontent-length:");
    if (length) c->body_left = atoll(length + 17);
    char *target = strchr(c->input, ' ');
    char *space = target ? strchr(target + 1, ' ') : NULL;
    if (!space) return -1;
    *space = 0;
    answer(c, target + 1);
    size_t used = (size_t)(end + 4 - c->input);
    memmove(c->input, c->input + used, c->input_count - used);
    c->input_count -= used;
    return 1;
}

static void serve(int socket) {
    struct connection *c = connections[socket];
    if (!c->is_open) return;
    for (;;) {
        int state = flush(socket, c);
        if (state < 0) return drop(socket);
        if (state > 0) return watch(socket, EPOLL_CTL_MOD, 1);
        int taken = take_request(c);
        if (taken < 0) return drop(socket);
        if (taken > 0) continue;
        ssize_t count = recv(socket, c->input + c->input_count, sizeof c->input - c->input_count, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) return drop(socket);
        if (count < 0) return watch(socket, EPOLL_CTL_MOD, 0);
        c->input_count += (size_t)count;
    }
}

static void accept_all(int listener) {
    for (;;) {
        int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) return;
        if (socket >= CONNECTIONS_MAX) {
            close(socket);
            continue;
        }
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!connections[socket]) connections[socket] = malloc(sizeof *connections[socket]);
        if (!connections[socket]) exit(1);
        memset(connections[socket], 0, sizeof *connections[socket]);
        connections[socket]->is_open = 1;
        watch(socket, EPOLL_CTL_ADD, 0);
    }
}

int main(int count, char **arguments) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)(count > 1 ? atoi(arguments[1]) : 0));
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1024) != 0) {
        perror("replica");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLL_CTL_ADD, 0);
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                serve(events[i].data.fd);
        }
    }
}
