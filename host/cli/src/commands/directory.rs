//! `sandmill tenant` and `sandmill key`: who may use a server, for its operators.

use reqwest::Method;
use serde_json::json;

use crate::arguments::{Key, Tenant};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, cell, table};

pub(crate) async fn tenant(client: &Client, command: Tenant, output: Output) -> Result<(), Failure> {
    match command {
        Tenant::Create { name } => {
            let answer = client.send(client.request(Method::PUT, &format!("/v1/tenants/{name}"))).await?;
            output.value(&answer.body, |_| format!("tenant {name}"));
        }
        Tenant::List => {
            let answer = client.get("/v1/tenants").await?;
            output.value(&answer["items"], |items| table(&[("TENANT", "id"), ("CREATED", "created_at")], items));
        }
        Tenant::Defaults { name, timeout, attempts, delay, factor, max_delay } => {
            let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let retry = attempts.map(|attempts| {
                json!({ "attempts": attempts, "delay_ms": millis(delay), "factor": factor, "max_delay_ms": millis(max_delay) })
            });
            let body = json!({ "timeout_ms": timeout.map(millis), "retry": retry });
            let request = client.request(Method::PUT, &format!("/v1/tenants/{name}/defaults")).json(&body);
            let answer = client.send(request).await?;
            output.value(&answer.body, |tenant| format!("tenant {name}: {}", tenant["defaults"]));
        }
    }
    Ok(())
}

pub(crate) async fn key(client: &Client, command: Key, output: Output) -> Result<(), Failure> {
    match command {
        Key::Create { label, operator } => create(client, &label, operator, output).await?,
        Key::List => {
            let answer = client.get("/v1/keys").await?;
            let columns =
                [("ID", "id"), ("LABEL", "label"), ("SCOPE", "scope"), ("TENANT", "tenant"), ("CREATED", "created_at")];
            output.value(&answer["items"], |items| table(&columns, items));
        }
        Key::Revoke { id } => client.delete(&format!("/v1/keys/{id}")).await?,
    }
    Ok(())
}

async fn create(client: &Client, label: &str, operator: bool, output: Output) -> Result<(), Failure> {
    let body = match (operator, client.tenant()) {
        (true, _) => json!({ "label": label }),
        (false, Some(tenant)) => json!({ "label": label, "tenant": tenant }),
        (false, None) => {
            let reason = "whose key is it? Name a tenant with --tenant, or make an operator's key with --operator";
            return Err(Failure::new(Outcome::Refused, reason));
        }
    };
    let answer = client.send(client.request(Method::POST, "/v1/keys").json(&body)).await?;
    output.note(&format!("key {} was made. It is shown once:", cell(&answer.body, "id")));
    output.value(&answer.body, |key| cell(key, "key"));
    Ok(())
}
