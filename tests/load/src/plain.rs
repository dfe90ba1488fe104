//! The same expressions without our meter: jaq as it comes, over the same values.

use anyhow::{Result, anyhow};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use jaq_json::Val;

/// A filter that nobody meters.
pub(crate) struct PlainFilter {
    compiled: jaq_core::Filter<JustLut<Val>>,
}

impl PlainFilter {
    /// Compiles an expression that may use `$context`.
    pub(crate) fn compile(text: &str) -> Result<Self> {
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code: text, path: () })
            .map_err(|errors| anyhow!("{text}: {errors:?}"))?;
        let compiled = Compiler::default()
            .with_funs(functions)
            .with_global_vars(["$context"])
            .compile(modules)
            .map_err(|errors| anyhow!("{text}: {errors:?}"))?;
        Ok(Self { compiled })
    }

    /// The first output, once it is sure that there is no second: what an evaluation of ours looks at too.
    pub(crate) fn evaluate(&self, input: &Val, context: &Val) -> Option<Val> {
        let around = Ctx::<JustLut<Val>>::new(&self.compiled.lut, Vars::new([context.clone()]));
        let mut outputs = self.compiled.id.run((around, input.clone())).map(unwrap_valr);
        let first = outputs.next();
        let second = outputs.next();
        first.filter(|_| second.is_none()).and_then(Result::ok)
    }
}

/// A value of jaq's from JSON text.
pub(crate) fn plain_value(json: &[u8]) -> Result<Val> {
    jaq_json::read::parse_single(json).map_err(|error| anyhow!("{error:?}"))
}
