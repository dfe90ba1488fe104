//! A file as the context holds it, and what text it is.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sandmill_sdk::prelude::*;

/// A file: its path, and its content in one of two forms.
#[derive(Deserialize)]
pub(crate) struct File {
    /// Where it lies; only its name is looked at.
    pub(crate) path: String,
    text: Option<String>,
    base64: Option<String>,
}

impl File {
    /// The content, if it is text.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, Problem> {
        let text = match (&self.text, &self.base64) {
            (Some(text), None) => Cow::Borrowed(text.as_str()),
            (None, Some(base64)) => Cow::Owned(self.decoded(base64)?),
            _ => return Err(invalid("it needs either `text` or `base64`").with("path", &self.path)),
        };
        if text.contains('\0') { Err(self.binary("it contains a NUL character")) } else { Ok(text) }
    }

    fn decoded(&self, base64: &str) -> Result<String, Problem> {
        let bytes = BASE64_STANDARD
            .decode(base64)
            .map_err(|error| invalid(&format!("its `base64` is none: {error}")).with("path", &self.path))?;
        String::from_utf8(bytes).map_err(|error| self.binary(&format!("it is no UTF-8: {}", error.utf8_error())))
    }

    fn binary(&self, reason: &str) -> Problem {
        Problem::new(415, "The file is binary")
            .kind("https://sandmill.dev/problems/binary-file")
            .detail(format!("`{}` is no text: {reason}", self.path))
            .with("path", &self.path)
    }
}

/// What stands there is no file.
pub(crate) fn invalid(reason: &str) -> Problem {
    Problem::new(422, "The file cannot be read").kind("https://sandmill.dev/problems/file-invalid").detail(reason)
}
