//! TLS towards callers: certificate and key from PEM files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain with its key, ready to answer handshakes: TLS 1.2 and 1.3, HTTP/1.1.
#[derive(Clone)]
pub(crate) struct ServerTls {
    files: (PathBuf, PathBuf),
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Reads the chain (leaf first) and its key.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub(crate) fn load(cert: &Path, key: &Path) -> Result<Self, String> {
        let named = |path: &Path, reason: String| format!("cannot use {}: {reason}", path.display());
        let chain = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| named(cert, format!("{error}; write the certificate chain as PEM, the leaf first")))?;
        if chain.is_empty() {
            return Err(named(cert, "it holds no certificate; write the chain as PEM, the leaf first".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            named(key, format!("{error}; write the private key as PEM (PKCS #8, PKCS #1 or SEC 1)"))
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| named(cert, format!("{error}; the key has to belong to the first certificate")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files: (cert.to_owned(), key.to_owned()), config: Arc::new(config) })
    }

    /// For accepting connections.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTls").field(&self.files).finish()
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let (empty, absent) = (folder.path().join("empty.pem"), folder.path().join("absent.pem"));
        std::fs::write(&empty, "nothing here\n").expect("written");
        let told = |cert: &Path, key: &Path| ServerTls::load(cert, key).expect_err("no certificate");
        assert!(told(&absent, &empty).contains("absent.pem: "), "{}", told(&absent, &empty));
        assert!(told(&empty, &empty).contains("empty.pem: it holds no certificate"), "{}", told(&empty, &empty));
    }
}
