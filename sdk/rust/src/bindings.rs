//! The plugin's side of `wit/`, generated, and the export of a plugin through it.

use std::marker::PhantomData;

use crate::glue::{self, Function as _, Plugin};

mod generated {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "sandmill:task/task@0.1.0",
        pub_export_macro: true,
        export_macro_name: "export_task",
    });
}

pub use generated::*;

/// A plugin as the contract sees it.
pub struct Exported<P>(PhantomData<P>);

impl<P: Plugin> Guest for Exported<P> {
    fn run(task_exec_id: String) -> Result<String, Problem> {
        P::function().run(&task_exec_id).map_err(Problem::from)
    }

    fn descriptor() -> Descriptor {
        let glue::Descriptor { summary, config_schema, output_schema } = P::function().descriptor(P::SUMMARY);
        Descriptor { summary: summary.to_owned(), config_schema, output_schema }
    }
}

impl From<crate::Problem> for Problem {
    fn from(problem: crate::Problem) -> Self {
        let crate::Problem { kind, title, detail, status, retryable, data } = problem;
        let data = (!data.is_empty()).then(|| crate::serde_json::Value::Object(data).to_string());
        Self { type_: kind, title, detail, status, retryable, data }
    }
}
