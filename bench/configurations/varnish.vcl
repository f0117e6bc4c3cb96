# Varnish with its own rules and nothing beside them; what else it is told stands in bench/harness/contenders.py.
vcl 4.1;

backend origin {
    .host = "127.0.0.1";
    .port = "@ORIGIN_PORT@";
}
