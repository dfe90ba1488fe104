//! Authentications: how a call is let in.

use schemars::{JsonSchema, Schema};

use super::text::Uri;

/// How to be let in: inline, or `use` with the name of an authentication in `use.authentications`.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) enum AuthenticationOrName {
    /// The name of an authentication in `use.authentications`.
    Use(Name),
    /// A name and a password.
    Basic(Passwords),
    /// A token.
    Bearer(Bearer),
    /// A name and a password, by digest.
    Digest(Passwords),
    /// A token that an OAuth 2 server issues.
    Oauth2(OAuth2),
    /// A token that an OpenID Connect server issues.
    Oidc(OpenIdConnect),
}

/// How to be let in, under a name.
#[derive(JsonSchema)]
#[schemars(untagged, transform = exactly_one)]
pub(super) enum NamedAuthentication {
    Basic {
        /// A name and a password.
        basic: Passwords,
    },
    Bearer {
        /// A token.
        bearer: Bearer,
    },
    Digest {
        /// A name and a password, by digest.
        digest: Passwords,
    },
    OAuth2 {
        /// A token that an OAuth 2 server issues.
        oauth2: OAuth2,
    },
    OpenIdConnect {
        /// A token that an OpenID Connect server issues.
        oidc: OpenIdConnect,
    },
}

/// The specification lets other members stand beside the scheme, so the choices are told apart by what holds and not by what is missing.
fn exactly_one(schema: &mut Schema) {
    if let Some(choices) = schema.remove("anyOf") {
        schema.insert("oneOf".into(), choices);
    }
}

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Name(#[schemars(length(min = 1))] String);

/// The name of a secret that holds the rest.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Secret {
    /// The name of the secret.
    #[schemars(rename = "use")]
    name: Name,
}

/// A name and a password, or the secret that holds them.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Passwords {
    Inline(Password),
    Secret(Secret),
}

/// A name and a password.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Password {
    /// The name.
    username: String,
    /// The password.
    password: String,
}

/// A token, or the secret that holds it.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Bearer {
    Inline(BearerToken),
    Secret(Secret),
}

/// A token.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct BearerToken {
    /// The token.
    token: String,
}

/// How an OAuth 2 server is asked, or the secret that holds it.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum OAuth2 {
    Inline(OAuth2Client),
    Secret(Secret),
}

/// How an OAuth 2 server is asked for a token.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OAuth2Client {
    #[schemars(flatten)]
    grant: Grant,
    /// Where the server is asked, from its authority.
    endpoints: Option<OAuth2Endpoints>,
}

/// How an OpenID Connect server is asked, or the secret that holds it.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum OpenIdConnect {
    Inline(OpenIdConnectClient),
    Secret(Secret),
}

/// How an OpenID Connect server is asked for a token.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OpenIdConnectClient {
    #[schemars(flatten)]
    grant: Grant,
}

#[derive(JsonSchema)]
struct Grant {
    /// The address of the server that issues tokens.
    authority: Uri,
    /// What a token is given for.
    grant: GrantType,
    /// What the client is.
    client: Option<Client>,
    /// How the request is written.
    request: Option<TokenRequest>,
    /// Who may have issued a token.
    issuers: Option<Vec<String>>,
    /// What the token is for.
    scopes: Option<Vec<String>>,
    /// Whom the token is for.
    audiences: Option<Vec<String>>,
    /// The name of the user, for the grant `password`.
    username: Option<String>,
    /// The password of the user, for the grant `password`.
    password: Option<String>,
    /// The token of the one for whom it is asked.
    subject: Option<Token>,
    /// The token of the one who asks.
    actor: Option<Token>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    Password,
    RefreshToken,
    #[schemars(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

/// What a client is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Client {
    /// Its id.
    id: Option<String>,
    /// Its secret.
    secret: Option<String>,
    /// A signed token in place of the secret.
    assertion: Option<String>,
    /// How it says who it is.
    #[schemars(extend("default" = "client_secret_post"))]
    authentication: Option<ClientAuthentication>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
enum ClientAuthentication {
    /// In a header.
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// By a token that is signed with the secret.
    ClientSecretJwt,
    /// By a token that is signed with a private key.
    PrivateKeyJwt,
    /// Not at all.
    None,
}

/// How the request for a token is written.
#[derive(JsonSchema)]
struct TokenRequest {
    /// The media type of its body.
    #[schemars(extend("default" = "application/x-www-form-urlencoded"))]
    encoding: Option<Encoding>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
enum Encoding {
    #[schemars(rename = "application/x-www-form-urlencoded")]
    Form,
    #[schemars(rename = "application/json")]
    Json,
}

/// Where an OAuth 2 server is asked, from its authority.
#[derive(JsonSchema)]
struct OAuth2Endpoints {
    /// For tokens.
    #[schemars(extend("format" = "uri-template", "default" = "/oauth2/token"))]
    token: Option<String>,
    /// To give a token back.
    #[schemars(extend("format" = "uri-template", "default" = "/oauth2/revoke"))]
    revocation: Option<String>,
    /// About a token.
    #[schemars(extend("format" = "uri-template", "default" = "/oauth2/introspect"))]
    introspection: Option<String>,
}

/// A token of somebody.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Token {
    /// The token.
    token: String,
    /// The kind of token.
    #[schemars(rename = "type")]
    kind: String,
}
