//! Authentications: checked, and not supported.

use super::compiler::Compiler;
use super::findings::Spot;
use super::formats::{is_uri, is_uri_template};
use super::report::WRONG_VALUE;
use super::tree::Place;

const SCHEMES: [&str; 5] = ["basic", "bearer", "digest", "oauth2", "oidc"];

const GRANTS: [&str; 5] = [
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
];

const CLIENT_AUTHENTICATIONS: [&str; 5] =
    ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"];

const ENCODINGS: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];

impl<'t> Compiler<'t, '_> {
    /// An authentication inline, or `use` with the name of one.
    pub(super) fn authentication_or_reference(&mut self, place: Place<'t>) {
        let what = "an authentication";
        let known = ["use", "basic", "bearer", "digest", "oauth2", "oidc"];
        if !self.closed(place, what, &known) {
            return;
        }
        match self.one_of(place, what, &known) {
            Some(("use", member)) => {
                if let Some(name) = self.text(member, "`use`") {
                    self.reused(member, &name, "authentications");
                }
            }
            Some((scheme, member)) => self.scheme(scheme, member),
            None => {}
        }
    }

    /// An authentication of `use.authentications`.
    pub(super) fn authentication(&mut self, place: Place<'t>, what: &str) {
        if self.open(place, what, &SCHEMES)
            && let Some((scheme, member)) = self.one_of(place, what, &SCHEMES)
        {
            self.scheme(scheme, member);
        }
    }

    /// Inline, or `use` with the name of a secret.
    fn scheme(&mut self, scheme: &str, place: Place<'t>) {
        let what = format!("`{scheme}`");
        let needed: &[&str] = match scheme {
            "basic" | "digest" => &["username", "password"],
            "bearer" => &["token"],
            _ => &["authority", "grant"],
        };
        if !self.is_object(place, &what) {
            return;
        }
        if let Some(secret) = place.get("use") {
            self.members_known(place, &what, &["use"], true);
            if let Some("") = self.text(secret, "`use`").as_deref() {
                self.refuse(Spot::Value(secret), WRONG_VALUE, "`use` names no secret");
            }
            return;
        }
        for name in needed {
            self.required(place, &what, name);
        }
        if matches!(scheme, "oauth2" | "oidc") {
            self.oauth2(place, &what, scheme == "oauth2");
        } else {
            self.members_known(place, &what, needed, true);
            self.texts(place, needed);
        }
    }

    fn oauth2(&mut self, place: Place<'t>, what: &str, has_endpoints: bool) {
        let mut known = vec![
            "authority",
            "grant",
            "client",
            "request",
            "issuers",
            "scopes",
            "audiences",
            "username",
            "password",
            "subject",
            "actor",
        ];
        known.extend(has_endpoints.then_some("endpoints"));
        self.members_known(place, what, &known, true);
        if let Some(authority) = place.get("authority") {
            self.authority(authority);
        }
        if let Some(grant) = place.get("grant") {
            self.word(grant, "`grant`", &GRANTS);
        }
        self.texts(place, &["username", "password"]);
        for name in ["issuers", "scopes", "audiences"] {
            self.texts_of(place, name);
        }
        if let Some(endpoints) = self.object_of(place, "endpoints") {
            for name in ["token", "revocation", "introspection"] {
                self.template_of(endpoints, name);
            }
        }
        if let Some(client) = place.get("client") {
            self.client(client);
        }
        if let Some(encoding) = self.object_of(place, "request").and_then(|request| request.get("encoding")) {
            self.word(encoding, "`encoding`", &ENCODINGS);
        }
        for name in ["subject", "actor"] {
            let what = format!("`{name}`");
            if let Some(token) = place.get(name).filter(|token| self.closed(*token, &what, &["token", "type"])) {
                self.required(token, &what, "token");
                self.required(token, &what, "type");
                self.texts(token, &["token", "type"]);
            }
        }
    }

    /// The address of a server. An expression could not be known when the definition is deployed.
    fn authority(&mut self, place: Place<'t>) {
        let Some(text) = self.text(place, "`authority`") else { return };
        if !is_uri(&text) {
            let message = format!("`authority` must be a URI, and is `{text}`");
            self.wrong_value(place, message, "write for example https://example.com");
        }
    }

    fn template_of(&mut self, place: Place<'t>, name: &str) {
        let Some(text) = self.text_of(place, name) else { return };
        if let Some(member) = place.get(name).filter(|_| !is_uri_template(&text)) {
            let message = format!("`{name}` must be a path, and is `{text}`");
            self.wrong_value(member, message, "write for example /oauth2/token");
        }
    }

    fn client(&mut self, place: Place<'t>) {
        if !self.closed(place, "`client`", &["id", "secret", "assertion", "authentication"]) {
            return;
        }
        self.texts(place, &["id", "secret", "assertion"]);
        if let Some(authentication) = place.get("authentication") {
            self.word(authentication, "`authentication`", &CLIENT_AUTHENTICATIONS);
        }
    }
}
