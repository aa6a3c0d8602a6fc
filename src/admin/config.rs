//! Checked settings of the control plane (`[admin]`).

use std::net::SocketAddr;

use crate::limit::ThrottleConfig;

/// The control plane.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where administration is served; loopback unless `insecure`.
    pub(crate) listen: SocketAddr,
    /// Calls per address and per token.
    pub(crate) limit: ThrottleConfig,
    /// Make an `all.admin` token at the first start on an empty store and write it to `data_dir/admin-token`.
    pub(crate) bootstrap: bool,
    /// Whether the listener may leave loopback without TLS.
    pub(crate) insecure: bool,
    /// Start of the `type` links of ThreatJammer's error bodies; the vendor's documentation by default.
    pub(crate) error_docs: String,
}
