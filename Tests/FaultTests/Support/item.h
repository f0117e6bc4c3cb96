// The body of /item/N, known to the replica that sends it and to the load client that checks it.
#include <stdio.h>
#include <string.h>

enum { ITEM_MAX = 4096 };

/// Text that names N, and up to 1,499 bytes that depend on it; returns how many bytes there are.
static size_t write_item(char *body, unsigned long number) {
    int count = snprintf(body, 64, "item %lu\n", number);
    size_t filler = number * 7919 % 1500;
    memset(body + count, 'a' + (int)(number % 26), filler);
    return (size_t)count + filler;
}
