//! TLS: one certificate, which can be replaced while connections last.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How HTTP/2 is called in the handshake (RFC 9113, section 3.1).
const H2: &[u8] = b"h2";

/// The certificate that a listener shows. All clones are one.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ArcSwap<ServerConfig>>);

/// Why something is no certificate with its key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text with the certificates can't be read.
    #[error(
        "the certificate is not in PEM: expected a text with -----BEGIN CERTIFICATE-----, the server's own first"
    )]
    NoCertificate,
    /// The text with the key can't be read.
    #[error("the key is not in PEM: expected a text with -----BEGIN PRIVATE KEY-----, without a password")]
    NoKey,
    /// Both can be read, and are good for nothing.
    #[error("the certificate and the key can't be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Tls {
    /// Takes a chain of certificates, the server's own first, and its private key, both in PEM.
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(config(certificates, key)?))))
    }

    /// Shows this certificate to all connections from now on; those that there are keep theirs. On an error nothing changes.
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0.store(Arc::new(config(certificates, key)?));
        Ok(())
    }

    /// Shakes hands. The caller sees to it that this ends.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.load_full()).accept(stream).await
    }
}

/// Whether HTTP/2 was agreed on.
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(H2)
}

fn config(certificates: &[u8], key: &[u8]) -> Result<ServerConfig, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NoCertificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
