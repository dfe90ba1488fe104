//! Errors as authors of mocks and test cases write them: an object like that of `raise`, or the name of a standard error.

use sandmill_core::problem::{ErrorKind, Problem};
use sandmill_core::value::Value;

/// What an error may say.
pub(crate) const MEMBERS: [&str; 7] = ["type", "status", "title", "detail", "instance", "data", "retryable"];

/// The standard errors, by the names that may stand for them.
const STANDARD: [(&str, ErrorKind); 8] = [
    ("configuration", ErrorKind::Configuration),
    ("validation", ErrorKind::Validation),
    ("expression", ErrorKind::Expression),
    ("authentication", ErrorKind::Authentication),
    ("authorization", ErrorKind::Authorization),
    ("timeout", ErrorKind::Timeout),
    ("communication", ErrorKind::Communication),
    ("runtime", ErrorKind::Runtime),
];

fn standard(name: &str) -> Option<ErrorKind> {
    STANDARD.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// The type that was meant: the whole URI of a standard error for its name.
pub(crate) fn type_uri(text: &str) -> String {
    standard(text).map_or_else(|| text.to_owned(), ErrorKind::type_uri)
}

/// The problem that a value describes, or what it lacks.
pub(super) fn problem(value: &Value) -> Result<Problem, String> {
    let text = |name: &str| value.get(name).and_then(|value| value.as_str().map(|text| text.into_owned()));
    let name = value.as_str().map(|text| text.into_owned()).or_else(|| text("type")).unwrap_or_default();
    let Some(kind) = standard(&name) else {
        return other(value);
    };
    let standard = Problem::new(kind, text("detail").unwrap_or_else(|| "as the mock says".into()));
    if value.as_str().is_some() {
        return Ok(standard);
    }
    let status = value.get("status").map(|status| status_of(&status)).transpose()?.unwrap_or(standard.status);
    Ok(Problem {
        status,
        title: text("title").unwrap_or(standard.title),
        instance: text("instance"),
        data: value.get("data"),
        retryable: is_retryable(value),
        ..Problem::new(kind, standard.detail.unwrap_or_default())
    })
}

/// An error of somebody's own.
fn other(value: &Value) -> Result<Problem, String> {
    if let Some(status) = value.get("status") {
        status_of(&status)?;
    }
    let names = STANDARD.map(|(name, _)| name).join("`, `");
    let problem = Problem::from_value(value).ok_or_else(|| {
        format!("an error has a `type` (text) and a `status` (number), or is the name of a standard one: `{names}`")
    })?;
    Ok(Problem { retryable: is_retryable(value), ..problem })
}

fn status_of(status: &Value) -> Result<u16, String> {
    let number = status.as_u64().and_then(|status| u16::try_from(status).ok());
    number.ok_or_else(|| format!("the `status` of an error is a number such as 503, and not {status}"))
}

fn is_retryable(value: &Value) -> bool {
    value.get("retryable").is_some_and(|retryable| retryable.is_truthy())
}
