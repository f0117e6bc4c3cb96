/* Makes TLS connections to a port of 127.0.0.1 for some seconds and prints, as one line of JSON, what came of them.
 *
 * Each client process goes from connection to connection: TCP connect, handshake, one small GET, the whole answer, and
 * close_notify from both sides. Clients of a full run offer no session; clients of a resumed run offer the ticket of
 * their connection before, so that only a client's first handshake is full.
 * Usage: handshakes PORT SECONDS full|resumed 1.2|1.3 CLIENTS
 * Built with: cc -O2 -o handshakes handshakes.c -lssl -lcrypto
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] = "GET /local HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char EXPECTED[] = "HTTP/1.1 200";

/* Longer connections than the last slot stands for are counted in it. */
enum { SLOT_MICROSECONDS = 10, SLOTS = 200000 };

/* Shared by the clients. A connection that did not come to its orderly end is failed and nothing else. */
struct totals {
    atomic_long connections;
    atomic_long resumed;
    atomic_long failed;
    atomic_uint durations[SLOTS];
};

struct client {
    struct totals *totals;
    struct sockaddr_in proxy;
    struct sockaddr_in own;
    SSL_CTX *context;
    bool resumes;
    SSL_SESSION *ticket;
    bool complained;
};

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Counts a failure, and says why when it is the client's first. The pause keeps a dead proxy from being hammered. */
static void fail(struct client *client, const char *step) {
    atomic_fetch_add(&client->totals->failed, 1);
    if (!client->complained) {
        unsigned long error = ERR_peek_error();
        fprintf(stderr, "%s: %s\n", step, error ? ERR_reason_error_string(error) : strerror(errno));
        client->complained = true;
    }
    usleep(10000);
}

static bool setup(struct client *client, int number, int port, const char *version) {
    client->proxy = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    client->proxy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* An address for each client: one alone would run out of ports that are not in TIME_WAIT. */
    client->own = (struct sockaddr_in){.sin_family = AF_INET};
    client->own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 512 + number);
    client->context = SSL_CTX_new(TLS_client_method());
    int protocol = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    return client->context != NULL && SSL_CTX_set_min_proto_version(client->context, protocol) == 1 &&
           SSL_CTX_set_max_proto_version(client->context, protocol) == 1;
}

/* A connected socket that gives up after some seconds of silence, or -1. */
static int connect_to_proxy(const struct client *client) {
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0) {
        return -1;
    }
    int on = 1;
    struct timeval patience = {.tv_sec = 5};
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (bind(descriptor, (const struct sockaddr *)&client->own, sizeof client->own) != 0 ||
        connect(descriptor, (const struct sockaddr *)&client->proxy, sizeof client->proxy) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Whether the answer is a 200 and the proxy ended it with close_notify. */
static bool read_answer(SSL *tls) {
    char answer[4096];
    size_t length = 0, received;
    while (length < sizeof answer && SSL_read_ex(tls, answer + length, sizeof answer - length, &received) == 1) {
        length += received;
    }
    return SSL_get_shutdown(tls) & SSL_RECEIVED_SHUTDOWN && length >= strlen(EXPECTED) &&
           memcmp(answer, EXPECTED, strlen(EXPECTED)) == 0;
}

/* Handshake, request, answer and end; NULL when all went well, else the step that did not. */
static const char *converse(SSL *tls) {
    if (SSL_connect(tls) != 1) {
        return "handshake";
    }
    if (SSL_write(tls, REQUEST, strlen(REQUEST)) <= 0) {
        return "request";
    }
    if (!read_answer(tls)) {
        return "answer";
    }
    return SSL_shutdown(tls) == 1 ? NULL : "end";
}

/* With TLS 1.3 tickets come after the handshake: only after the answer is the newest one there. */
static void keep_ticket(struct client *client, SSL *tls) {
    SSL_SESSION_free(client->ticket);
    client->ticket = SSL_get1_session(tls);
    if (client->ticket != NULL && !SSL_SESSION_has_ticket(client->ticket)) {
        SSL_SESSION_free(client->ticket);
        client->ticket = NULL;
    }
}

static void one_connection(struct client *client) {
    ERR_clear_error();
    double began = seconds_now();
    int descriptor = connect_to_proxy(client);
    if (descriptor < 0) {
        fail(client, "connect");
        return;
    }
    SSL *tls = SSL_new(client->context);
    SSL_set_fd(tls, descriptor);
    SSL_set_tlsext_host_name(tls, "localhost");
    if (client->ticket != NULL) {
        SSL_set_session(tls, client->ticket);
    }
    const char *failed_step = converse(tls);
    if (failed_step != NULL) {
        fail(client, failed_step);
    } else {
        atomic_fetch_add(&client->totals->connections, 1);
        atomic_fetch_add(&client->totals->resumed, SSL_session_reused(tls));
        if (client->resumes) {
            keep_ticket(client, tls);
        }
    }
    SSL_free(tls);
    close(descriptor);
    if (failed_step == NULL) {
        long slot = (seconds_now() - began) * 1e6 / SLOT_MICROSECONDS;
        atomic_fetch_add(&client->totals->durations[slot < SLOTS ? slot : SLOTS - 1], 1);
    }
}

/* The duration, in microseconds, below which this share of the connections stayed. */
static long percentile(const struct totals *totals, double share) {
    long left = totals->connections * share;
    int slot = 0;
    while (slot < SLOTS - 1 && left >= totals->durations[slot]) {
        left -= totals->durations[slot];
        slot++;
    }
    return (long)slot * SLOT_MICROSECONDS;
}

static int run_client(struct totals *totals, int number, char **arguments, double end) {
    struct client client = {.totals = totals, .resumes = strcmp(arguments[3], "resumed") == 0};
    if (!setup(&client, number, atoi(arguments[1]), arguments[4])) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    while (seconds_now() < end) {
        one_connection(&client);
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fputs("usage: handshakes PORT SECONDS full|resumed 1.2|1.3 CLIENTS\n", stderr);
        return 2;
    }
    struct totals *totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    /* A proxy that resets a connection is a failure to count, not the end of a client. */
    signal(SIGPIPE, SIG_IGN);
    double began = seconds_now(), end = began + atof(arguments[2]);
    for (int number = 1; number <= atoi(arguments[5]); number++) {
        if (fork() == 0) {
            return run_client(totals, number, arguments, end);
        }
    }
    while (wait(NULL) > 0) {
    }
    printf("RESULT {\"requests\": %ld, \"resumed\": %ld, \"failed\": %ld, \"seconds\": %.6f, ", totals->connections,
           totals->resumed, totals->failed, seconds_now() - began);
    printf("\"p50_us\": %ld, \"p99_us\": %ld}\n", percentile(totals, 0.5), percentile(totals, 0.99));
    return 0;
}
