//! Checked settings of the control plane (`[admin]`).

use std::net::SocketAddr;
use std::time::Duration;

use crate::limit::ThrottleConfig;
use crate::server::ServerTls;

/// The control plane.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where administration is served; loopback unless it has TLS or is `insecure`.
    pub(crate) listen: SocketAddr,
    /// Calls per address and per token.
    pub(crate) limit: ThrottleConfig,
    /// Make an `all.admin` token at the first start on an empty store and write it to `data_dir/admin-token`.
    pub(crate) bootstrap: bool,
    /// Certificate and key; without them it speaks plain HTTP.
    pub(crate) tls: Option<ServerTls>,
    /// Whether the listener may leave loopback without TLS.
    pub(crate) insecure: bool,
    /// Start of the `type` links of ThreatJammer's error bodies; the vendor's documentation by default.
    pub(crate) error_docs: String,
    /// Settings of the XMS dialect.
    pub(crate) xms: XmsConfig,
    /// Settings of the Astra Control dialect.
    pub(crate) astra: AstraConfig,
}

/// `[xms]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct XmsConfig {
    /// Lifetime of tokens made through the dialect, which has no field for it; `None` = they do not expire.
    pub(crate) ttl: Option<Duration>,
    /// Whether lists carry a `paging` member, which strict clients refuse.
    pub(crate) emit_paging: bool,
}

/// `[astra]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct AstraConfig {
    /// Lifetime of tokens made through the dialect, which has no field for it; `None` = they do not expire.
    pub(crate) ttl: Option<Duration>,
}
