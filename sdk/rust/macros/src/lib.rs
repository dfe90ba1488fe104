//! The attribute of the crate `sandmill-sdk`, which re-exports it: depend on that crate, not on this one.
//!
//! Owns what the attribute refuses and the few lines that it adds. All that happens in a call is in the library, where
//! it is written and tested as plain functions.

mod expand;
mod signature;
mod summary;

use proc_macro::TokenStream;

/// Makes a function the task of this plugin.
///
/// ```text
/// /// Greets somebody by name.
/// #[task]
/// fn greet(config: Config, context: &Context) -> Result<Greeting, Problem> { .. }
/// ```
///
/// The context may be left out. The first paragraph of the doc comment is the plugin's summary. The function stays as
/// it is, so tests call it or give it to a harness. A plugin has one such function.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(arguments.into(), item.into()).into()
}
