//! What clients may take of the service.

use std::time::Duration;

/// What clients may take of the service. Whatever is beyond is refused; exactly as much is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From being accepted, or from the end of the TLS handshake, to the first byte.
    pub first_byte_timeout: Duration,
    /// From the first byte of a request to having all of its headers.
    pub header_read_timeout: Duration,
    /// From the first look at a request's body to having all of it.
    pub body_read_timeout: Duration,
    /// How long the client may take nothing of an answer that is being sent.
    pub write_timeout: Duration,
    /// How long a connection may be without a request, from the end of the last answer.
    pub idle_timeout: Duration,
    /// From being accepted to the end of the TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// From being told to stop to closing the connections that are still open.
    pub shutdown_grace: Duration,
    /// The bytes of a request's head: its first line, its headers, and the empty line. At least 8,192.
    pub header_bytes: usize,
    /// The number of a request's headers, at most 100.
    pub headers: usize,
    /// The bytes of a request's path and query string, at most 65,534.
    pub uri_bytes: usize,
    /// The bytes of a request's body.
    pub body_bytes: u64,
    /// The bytes of all bodies whose requests are not answered yet.
    pub all_bodies_bytes: u64,
    /// The number of connections.
    pub connections: usize,
    /// The number of connections from one address (IPv4) or network of 64 bits (IPv6).
    pub connections_per_address: usize,
    /// The number of requests that are not answered yet. Each thread has an equal part of it.
    pub requests_in_flight: usize,
}

impl Limits {
    /// After this time at the latest, a connection has to be looked at again: nothing that begins now is late before.
    pub(super) fn shortest_timeout(&self) -> Duration {
        self.first_byte_timeout.min(self.header_read_timeout).min(self.idle_timeout).min(self.write_timeout)
    }
}

/// The defaults of the settings.
impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(10),
            body_read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            tls_handshake_timeout: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(5),
            header_bytes: 64 * 1024,
            headers: 64,
            uri_bytes: 32 * 1024,
            body_bytes: 1024 * 1024,
            all_bodies_bytes: 64 * 1024 * 1024,
            connections: 16_384,
            connections_per_address: 8_192,
            requests_in_flight: 4_096,
        }
    }
}
