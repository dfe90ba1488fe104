//! What the attribute's code calls: from a task execution id to the output's text.
//!
//! Owns the order fetch, decode, call, encode, and the two forms that a task function may have.

use std::marker::PhantomData;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::serde_json::{self, Value};
use crate::{Context, Problem, config, host};

/// A function that can be a task: `fn(Config) -> Result<Output, Error>` or `fn(Config, &Context) -> Result<Output,
/// Error>`.
///
/// `Form` tells the two apart, so that one trait can be implemented for both; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is no function that can be a task",
    label = "expected `fn(Config) -> Result<Output, Error>` or `fn(Config, &Context) -> Result<Output, Error>`",
    note = "Config derives `Deserialize` and `JsonSchema`, Output derives `Serialize` and `JsonSchema`, \
            Error is a `Problem` or turns into one"
)]
pub trait Task<Form> {
    /// What the function takes.
    type Config: DeserializeOwned + JsonSchema;
    /// What the function gives.
    type Output: Serialize + JsonSchema;

    /// Calls the function, and opens the context if it takes one.
    fn call(&self, config: Self::Config, task_exec_id: &str) -> Result<Self::Output, Problem>;
}

/// The form of a function that takes a config alone.
pub struct ConfigAlone<C>(PhantomData<C>);

/// The form of a function that takes a config and the context.
pub struct ConfigAndContext<C>(PhantomData<C>);

impl<F, C, O, E> Task<ConfigAlone<C>> for F
where
    F: Fn(C) -> Result<O, E>,
    C: DeserializeOwned + JsonSchema,
    O: Serialize + JsonSchema,
    E: Into<Problem>,
{
    type Config = C;
    type Output = O;

    fn call(&self, config: C, _task_exec_id: &str) -> Result<O, Problem> {
        self(config).map_err(Into::into)
    }
}

impl<F, C, O, E> Task<ConfigAndContext<C>> for F
where
    F: Fn(C, &Context) -> Result<O, E>,
    C: DeserializeOwned + JsonSchema,
    O: Serialize + JsonSchema,
    E: Into<Problem>,
{
    type Config = C;
    type Output = O;

    fn call(&self, config: C, task_exec_id: &str) -> Result<O, Problem> {
        self(config, &Context::open(task_exec_id)?).map_err(Into::into)
    }
}

/// What a plugin says of itself. Both schemas are JSON text.
pub struct Descriptor {
    /// What the plugin does.
    pub summary: &'static str,
    /// What a config must match.
    pub config_schema: String,
    /// What every output matches.
    pub output_schema: String,
}

/// A whole plugin, as the attribute makes it from a function.
pub trait Plugin {
    /// What the plugin does, in a sentence or two.
    const SUMMARY: &'static str;

    /// The function, through [`config_alone`] or [`config_and_context`].
    fn function() -> impl Function;
}

/// What the host asks of a function, whatever its form.
pub trait Function {
    /// Runs one task execution and returns its output as JSON text.
    fn run(&self, task_exec_id: &str) -> Result<String, Problem>;

    /// Describes the plugin.
    fn descriptor(&self, summary: &'static str) -> Descriptor;
}

/// Takes a function of the one form. A pointer, so that the compiler names what is wrong with a function that does not
/// fit.
pub fn config_alone<C, O, E>(function: fn(C) -> Result<O, E>) -> impl Function
where
    C: DeserializeOwned + JsonSchema,
    O: Serialize + JsonSchema,
    E: Into<Problem>,
{
    Formed(function, PhantomData)
}

/// Takes a function of the other form.
pub fn config_and_context<C, O, E>(function: fn(C, &Context) -> Result<O, E>) -> impl Function
where
    C: DeserializeOwned + JsonSchema,
    O: Serialize + JsonSchema,
    E: Into<Problem>,
{
    Formed(function, PhantomData)
}

/// A function whose form is settled.
struct Formed<T, Form>(T, PhantomData<Form>);

impl<Form, T: Task<Form>> Function for Formed<T, Form> {
    fn run(&self, task_exec_id: &str) -> Result<String, Problem> {
        run(&self.0, task_exec_id)
    }

    fn descriptor(&self, summary: &'static str) -> Descriptor {
        Descriptor {
            summary,
            config_schema: config_schema::<T::Config>().to_string(),
            output_schema: output_schema::<T::Output>().to_string(),
        }
    }
}

/// The JSON Schema (draft 2020-12) of what can be decoded.
pub(crate) fn config_schema<C: JsonSchema>() -> Value {
    let generator = SchemaGenerator::from(SchemaSettings::draft2020_12().for_deserialize());
    generator.into_root_schema_for::<C>().into()
}

/// The JSON Schema (draft 2020-12) of what is encoded.
pub(crate) fn output_schema<O: JsonSchema>() -> Value {
    let generator = SchemaGenerator::from(SchemaSettings::draft2020_12().for_serialize());
    generator.into_root_schema_for::<O>().into()
}

/// Runs one task execution and returns its output as JSON text.
pub(crate) fn run<Form, T: Task<Form>>(task: &T, task_exec_id: &str) -> Result<String, Problem> {
    encode(&call(task, task_exec_id)?)
}

/// Fetches and decodes the config, and calls the function.
pub(crate) fn call<Form, T: Task<Form>>(task: &T, task_exec_id: &str) -> Result<T::Output, Problem> {
    let text = host::fetch_config(task_exec_id)?;
    task.call(config::decode(&text)?, task_exec_id)
}

/// The output as JSON text.
pub(crate) fn encode(output: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(output).map_err(|error| {
        Problem::of_sdk("output-invalid", 500, "The output has no form in JSON").detail(error.to_string())
    })
}
