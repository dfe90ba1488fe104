//! What can go wrong on the way to a Redis server, in the few kinds that callers tell apart.

use redis::{ErrorKind, RedisError};

/// Why a request got no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisFailure {
    /// The server cannot be reached, does not answer in time or is just starting. Whether the request was carried out is not known.
    #[error("Redis cannot be reached: {reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
    },
    /// The server answered, with an error.
    #[error("Redis refused: {code} {reason}")]
    Refused {
        /// The first word of the error, such as `OOM`, `NOPERM`, `WRONGPASS` or `READONLY`.
        code: String,
        /// The rest of it.
        reason: String,
    },
    /// The server answered something that is no answer to the request.
    #[error("Redis gave an answer that makes no sense: {reason}")]
    Protocol {
        /// What is odd about it.
        reason: String,
    },
    /// The server is older than this program needs.
    #[error("Redis {version} is too old: 6.2 or newer is needed")]
    TooOld {
        /// Its version.
        version: String,
    },
    /// The settings name no server, or one whose certificate they do not trust.
    #[error("the settings of Redis are wrong: {reason}")]
    Misconfigured {
        /// What is wrong with them.
        reason: String,
    },
}

/// Errors that pass: the server is full, is a replica for the moment, cannot write its log, or is busy with a script.
const PASSING: [&str; 5] = ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "BUSY"];

/// How the reason begins where a server shows a certificate that is not trusted.
const WRONG_CERTIFICATE: &str = "invalid peer certificate";

impl RedisFailure {
    /// True where the same request may succeed later without anybody changing a setting.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Refused { code, .. } => PASSING.contains(&code.as_str()),
            Self::Protocol { .. } | Self::TooOld { .. } | Self::Misconfigured { .. } => false,
        }
    }

    /// True for the answer of a server that is no longer the one to write to: the next connection may lead to the one that took over.
    pub(crate) fn moves_on(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "READONLY")
    }

    /// True where the server does not know a script.
    pub(crate) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "NOSCRIPT")
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }

    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol { reason: reason.into() }
    }

    /// The kind of a refusal, as the server names it.
    pub(crate) fn kind(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// True where the server could not read what it was sent, which it says of nothing but what is too large for it.
    pub(crate) fn is_protocol_error(&self) -> bool {
        matches!(self, Self::Refused { code, reason } if code == "ERR" && reason.starts_with("Protocol error"))
    }

    /// What it is, and what can be done about it where that is known.
    pub(crate) fn with_advice(&self) -> String {
        let advice = match self.kind() {
            Some("NOPERM") => "`sandmill doctor --redis URL` names what the user must be allowed to do",
            Some("WRONGPASS" | "NOAUTH") => "see `redis.username` and `redis.password`",
            Some("OOM") => "make room, or raise `maxmemory`",
            Some("MISCONF") => "Redis cannot write to its disk",
            _ => return self.to_string(),
        };
        format!("{self} ({advice})")
    }

    /// An error that a script met and went on after. Before Redis 7, where it met it stands before it.
    pub(crate) fn in_script(error: &str) -> Self {
        let said = if error.starts_with('@') { error.split_once(" -").map_or(error, |(_, said)| said) } else { error };
        let (code, reason) = said.split_once(' ').unwrap_or((said, ""));
        Self::answered(code, reason)
    }

    /// An error that the server answered.
    fn answered(code: &str, detail: &str) -> Self {
        let (code, reason) = inner_error(code, detail);
        match code {
            "LOADING" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" => Self::unavailable(format!("{code} {reason}")),
            "ERR" if reason.contains("max number of clients") => Self::unavailable(reason),
            _ => Self::Refused { code: code.into(), reason: reason.into() },
        }
    }
}

/// Before Redis 7 an error inside of a script is wrapped in one of the script: `ERR Error running script (...): ... -OOM command not allowed`.
fn inner_error<'error>(code: &'error str, detail: &'error str) -> (&'error str, &'error str) {
    if code != "ERR" || !detail.starts_with("Error running script") {
        return (code, detail);
    }
    let inner = detail.split_once(" -").and_then(|(_, inner)| inner.split_once(' '));
    inner
        .filter(|(code, _)| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        .unwrap_or((code, detail))
}

impl From<RedisError> for RedisFailure {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            // The client keeps the error of TLS to itself, too, but for its words. One about anything else may come of a connection that broke.
            ErrorKind::Io if error.to_string().starts_with(WRONG_CERTIFICATE) => {
                Self::Misconfigured { reason: error.to_string() }
            }
            ErrorKind::Io => Self::unavailable(error.to_string()),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                Self::answered(error.code().unwrap_or("ERR"), error.detail().unwrap_or_default())
            }
            // The client keeps the server's own words to itself.
            ErrorKind::AuthenticationFailed => Self::Refused { code: "WRONGPASS".into(), reason: error.to_string() },
            ErrorKind::InvalidClientConfig => Self::Misconfigured { reason: error.to_string() },
            _ if error.is_unrecoverable_error() => Self::unavailable(error.to_string()),
            _ => Self::protocol(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: &str, detail: &str) -> (String, bool) {
        let failure = RedisFailure::answered(code, detail);
        (failure.to_string(), failure.is_passing())
    }

    #[test]
    fn a_full_server_is_told_apart_from_a_wrong_password() {
        assert_eq!(answered("OOM", "command not allowed"), ("Redis refused: OOM command not allowed".into(), true));
        assert_eq!(answered("WRONGPASS", "no"), ("Redis refused: WRONGPASS no".into(), false));
        assert_eq!(answered("LOADING", "the data"), ("Redis cannot be reached: LOADING the data".into(), true));
    }

    #[test]
    fn an_error_inside_of_a_script_is_found_in_the_words_of_redis_6() {
        let detail = "Error running script (call to f_1): @user_script:4: @user_script: 4: -OOM command not allowed";
        assert_eq!(answered("ERR", detail), ("Redis refused: OOM command not allowed".into(), true));
        let other = "Error running script (call to f_1): @user_script:4: attempt - 1";
        assert_eq!(answered("ERR", other), (format!("Redis refused: ERR {other}"), false));
    }

    #[test]
    fn an_error_that_a_script_went_on_after_is_read_in_the_words_of_either() {
        let full = RedisFailure::Refused { code: "OOM".into(), reason: "command not allowed".into() };
        assert_eq!(RedisFailure::in_script("OOM command not allowed"), full);
        assert_eq!(RedisFailure::in_script("@user_script: 14: -OOM command not allowed"), full);
        assert_eq!(RedisFailure::in_script("odd").to_string(), "Redis refused: odd ");
    }

    #[test]
    fn too_many_clients_pass() {
        assert!(answered("ERR", "max number of clients reached").1);
    }
}
