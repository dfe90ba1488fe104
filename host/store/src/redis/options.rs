//! Where a Redis server is and how patient to be with it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

use super::{Backoff, Prefix, RedisFailure};

/// Where a Redis server is and how patient to be with it.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://` or, with TLS, `rediss://`: user, password, host, port and number of the database.
    pub url: String,
    /// What every key starts with.
    pub prefix: Prefix,
    /// The user, where it is not in the URL.
    pub username: Option<String>,
    /// The password, where it is not in the URL.
    pub password: Option<String>,
    /// The certificates, as PEM, to trust in place of the system's.
    pub tls_ca: Option<PathBuf>,
    /// How long to try for a connection that is ready to use.
    pub connect_timeout: Duration,
    /// How long to wait for an answer. The connection counts as dead after that.
    pub response_timeout: Duration,
    /// How long to wait between tries.
    pub backoff: Backoff,
}

impl RedisOptions {
    /// The options for a server, with the prefix `sandmill`, 2 s for a connection and 5 s for an answer.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: Prefix::default(),
            username: None,
            password: None,
            tls_ca: None,
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(5),
            backoff: Backoff::default(),
        }
    }

    pub(crate) fn client(&self) -> Result<Client, RedisFailure> {
        let wrong = |reason: String| RedisFailure::Misconfigured { reason };
        let info = self.connection_info().map_err(|error| wrong(error.to_string()))?;
        let Some(path) = &self.tls_ca else {
            return Client::open(info).map_err(|error| wrong(error.to_string()));
        };
        let pem = std::fs::read(path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
        Client::build_with_tls(info, certificates).map_err(|error| wrong(error.to_string()))
    }

    fn connection_info(&self) -> redis::RedisResult<ConnectionInfo> {
        let info = self.url.as_str().into_connection_info()?;
        let mut settings = info.redis_settings().clone().set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        Ok(info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true)))
    }
}

/// Without anything secret: the URL may hold a password.
impl fmt::Debug for RedisOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.rsplit_once('@').map_or(self.url.as_str(), |(_, address)| address);
        formatter
            .debug_struct("RedisOptions")
            .field("address", &address)
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let options =
            RedisOptions { password: Some("hush".into()), ..RedisOptions::new("redis://me:secret@example.org:7000/3") };
        let printed = format!("{options:?}");
        assert!(printed.contains("example.org:7000/3"), "{printed}");
        assert!(!printed.contains("secret") && !printed.contains("hush"), "{printed}");
    }

    #[test]
    fn what_stands_apart_from_the_url_wins() {
        let options = RedisOptions {
            username: Some("you".into()),
            password: Some("hush".into()),
            ..RedisOptions::new("redis://me:secret@example.org:7000/3")
        };
        let info = options.connection_info().unwrap();
        assert_eq!(info.redis_settings().username(), Some("you"));
        assert_eq!(info.redis_settings().password(), Some("hush"));
        assert_eq!(info.redis_settings().db(), 3);
        assert!(info.tcp_settings().nodelay(), "an answer may wait for no other packet");
    }

    #[test]
    fn settings_that_name_no_server_are_told_at_once() {
        for url in ["", "http://example.org", "redis://:port"] {
            let failure = RedisOptions::new(url).client().unwrap_err();
            assert!(matches!(failure, RedisFailure::Misconfigured { .. }), "{url}: {failure}");
        }
        let options = RedisOptions { tls_ca: Some("/no/such/file".into()), ..RedisOptions::new("rediss://localhost") };
        let text = options.client().unwrap_err().to_string();
        assert!(text.contains("/no/such/file"), "{text}");
    }
}
