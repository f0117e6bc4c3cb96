// Load without end for fault tests: GET /item/N, every answer checked, and some POST /order/N, none of them sent twice.
//
//   drive PORT CONNECTIONS RATE POST-EVERY
//
// RATE is requests a second over all connections; each POST-EVERY-th request is a POST, 0: none. For every line on
// standard input it prints one line of JSON with what happened since the one before; it ends with its input.
//
//   sent, ok            requests and right answers of both kinds
//   lost                GETs without a right answer
//   refused, broken, cut_off, wrong, timed_out: how the connections of requests of both kinds failed them; cut_off is
//                       inside the answer, broken before it
//   posts, posts_failed POSTs, and those without a 200
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "item.h"

enum { CONNECTIONS_MAX = 1024, INPUT_MAX = 16384, TIME_OUT_MS = 20000 };

struct connection {
    int socket;
    long number;  // of the request under way; -1: none
    int is_post;
    double started;  // ms
    char input[INPUT_MAX];
    size_t count;
};

struct account {
    long sent, ok, lost, refused, broken, cut_off, wrong, timed_out, posts, posts_failed;
    long by_status[600];
    double slowest, slowest_failure;
};

static struct connection connections[CONNECTIONS_MAX];
static struct account account;
static int poller, port, connections_count, post_every;
static long issued;

static double now_milliseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void close_connection(struct connection *c) {
    if (c->socket >= 0) close(c->socket);
    c->socket = -1;
}

/// The request under way is over.
static void finish(struct connection *c, int is_right) {
    double elapsed = now_milliseconds() - c->started;
    if (is_right)
        account.ok++;
    else if (c->is_post)
        account.posts_failed++;
    else
        account.lost++;
    if (elapsed > account.slowest) account.slowest = elapsed;
    if (!is_right && elapsed > account.slowest_failure) account.slowest_failure = elapsed;
    c->number = -1;
}

static void lose(struct connection *c, long *counter) {
    ++*counter;
    close_connection(c);
    finish(c, 0);
}

static int open_connection(struct connection *c) {
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)port);
    if (c->socket < 0 || connect(c->socket, (struct sockaddr *)&address, sizeof address) != 0) return 0;
    int on = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)(c - connections)};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event);
    return 1;
}

static void send_next(struct connection *c) {
    c->number = issued++;
    c->is_post = post_every > 0 && c->number % post_every == 0;
    c->started = now_milliseconds();
    c->count = 0;
    account.sent++;
    if (c->is_post) account.posts++;
    if (c->socket < 0 && !open_connection(c)) return lose(c, &account.refused);
    char request[160];
    const char *form = c->is_post ? "POST /order/%ld HTTP/1.1\r\nHost: drive\r\nContent-Length: 0\r\n\r\n"
                                  : "GET /item/%ld HTTP/1.1\r\nHost: drive\r\n\r\n";
    int length = snprintf(request, sizeof request, form, c->number);
    if (send(c->socket, request, (size_t)length, MSG_NOSIGNAL) != length) lose(c, &account.broken);
}

static int is_right(const struct connection *c, int status, const char *body, size_t length) {
    char expected[ITEM_MAX] = "ok\n";
    if (status > 0 && status < 600) account.by_status[status]++;
    if (status != 200) return 0;
    size_t count = c->is_post ? 3 : write_item(expected, (unsigned long)c->number);
    if (length == count && memcmp(body, expected, count) == 0) return 1;
    account.wrong++;
    return 0;
}

static void read_answer(struct connection *c) {
    ssize_t got = recv(c->socket, c->input + c->count, sizeof c->input - c->count - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    // Usher may end an idle connection; only what comes without a question is wrong.
    if (c->number < 0 && got > 0) account.wrong++;
    if (c->number < 0) return close_connection(c);
    if (got <= 0) return lose(c, c->count > 0 ? &account.cut_off : &account.broken);
    c->count += (size_t)got;
    c->input[c->count] = 0;
    char *end = memmem(c->input, c->count, "\r\n\r\n", 4);
    if (!end) return;
    char *field = strcasestr(c->input, "\r\ncontent-length:"), *closing = strcasestr(c->input, "\r\nconnection: close");
    if (!field || field > end || strncmp(c->input, "HTTP/1.1 ", 9) != 0) return lose(c, &account.wrong);
    size_t length = strtoul(field + 17, NULL, 10), head = (size_t)(end + 4 - c->input);
    if (c->count < head + length) return;
    if (c->count > head + length) return lose(c, &account.wrong);
    finish(c, is_right(c, atoi(c->input + 9), end + 4, length));
    if (closing && closing < end) close_connection(c);
}

static void report(void) {
    printf("{\"sent\":%ld,\"ok\":%ld,\"lost\":%ld,\"refused\":%ld,\"broken\":%ld,\"cut_off\":%ld,\"wrong\":%ld,",
           account.sent, account.ok, account.lost, account.refused, account.broken, account.cut_off, account.wrong);
    printf("\"timed_out\":%ld,\"posts\":%ld,\"posts_failed\":%ld,\"slowest_ms\":%.0f,\"slowest_failure_ms\":%.0f,",
           account.timed_out, account.posts, account.posts_failed, account.slowest, account.slowest_failure);
    printf("\"by_status\":{");
    const char *separator = "";
    for (int status = 0; status < 600; status++) {
        if (account.by_status[status] == 0) continue;
        printf("%s\"%d\":%ld", separator, status, account.by_status[status]);
        separator = ",";
    }
    printf("}}\n");
    fflush(stdout);
    memset(&account, 0, sizeof account);
}

/// False at the end of the input.
static int take_commands(void) {
    char text[64];
    ssize_t count = read(0, text, sizeof text);
    for (ssize_t i = 0; i < count; i++) {
        if (text[i] == '\n') report();
    }
    return count > 0;
}

int main(int count, char **arguments) {
    if (count != 5) return 2;
    port = atoi(arguments[1]);
    connections_count = atoi(arguments[2]);
    double rate = atof(arguments[3]) / 1e3;
    post_every = atoi(arguments[4]);
    if (connections_count < 1 || connections_count > CONNECTIONS_MAX || rate <= 0) return 2;
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.u32 = CONNECTIONS_MAX};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    for (int i = 0; i < connections_count; i++) connections[i] = (struct connection){.socket = -1, .number = -1};
    struct epoll_event events[256];
    double allowance = 0, last = now_milliseconds();
    for (int next = 0;;) {
        int ready = epoll_wait(poller, events, 256, 1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.u32 == CONNECTIONS_MAX) {
                if (!take_commands()) return 0;
            } else if (connections[events[i].data.u32].socket >= 0) {
                read_answer(&connections[events[i].data.u32]);
            }
        }
        double now = now_milliseconds();
        // What could not be sent in time is not made up for later.
        allowance += (now - last) * rate;
        if (allowance > rate * 50 + 1) allowance = rate * 50 + 1;
        last = now;
        for (int i = 0; i < connections_count; i++, next++) {
            struct connection *c = &connections[next % connections_count];
            if (c->number >= 0 && now - c->started > TIME_OUT_MS) lose(c, &account.timed_out);
            if (c->number >= 0 || allowance < 1) continue;
            allowance -= 1;
            send_next(c);
        }
    }
}
