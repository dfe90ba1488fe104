//! What the attribute adds to the function.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Error, ItemFn, Result, Signature};

use crate::{signature, summary};

/// The function as it was written, and beside it the plugin or the reason why there is none.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    // A function with a mistake is kept: without it, each of its uses would be reported as well.
    let added = plugin(arguments, item.clone()).unwrap_or_else(Error::into_compile_error);
    quote! { #item #added }
}

fn plugin(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[task]` takes no arguments"));
    }
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        Error::new_spanned(first_token(item), format!("`#[task]` belongs on a function: {}", signature::EXPECTED))
    })?;
    signature::check(&function.sig)?;
    Ok(export(&function.sig, &summary::summary(&function)?))
}

fn first_token(item: TokenStream) -> TokenStream {
    item.into_iter().next().map_or_else(TokenStream::new, |token| token.to_token_stream())
}

fn export(signature: &Signature, summary: &str) -> TokenStream {
    let function = &signature.ident;
    let form = if signature.inputs.len() == 1 { quote!(config_alone) } else { quote!(config_and_context) };
    quote! {
        // The name is the message: a second task in this module is refused with it.
        #[doc(hidden)]
        enum APluginHasOnlyOneTask {}

        const _: () = {
            struct Plugin;

            impl ::sandmill_sdk::glue::Plugin for Plugin {
                const SUMMARY: &'static str = #summary;

                fn function() -> impl ::sandmill_sdk::glue::Function {
                    ::sandmill_sdk::glue::#form(#function)
                }
            }

            // Where there is no host that calls it, the function is in use nevertheless.
            const _: fn() = || {
                let _ = <Plugin as ::sandmill_sdk::glue::Plugin>::function();
            };

            #[cfg(target_family = "wasm")]
            type Exported = ::sandmill_sdk::bindings::Exported<Plugin>;
            #[cfg(target_family = "wasm")]
            ::sandmill_sdk::bindings::export_task!(Exported with_types_in ::sandmill_sdk::bindings);
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message that the attribute answers with.
    #[track_caller]
    fn refusal(arguments: TokenStream, item: TokenStream) -> String {
        plugin(arguments, item).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_function_is_refused() {
        let message = refusal(
            quote!(),
            quote!(
                struct Greeter;
            ),
        );
        assert!(message.starts_with("`#[task]` belongs on a function: expected `fn name(config: Config"), "{message}");
    }

    #[test]
    fn arguments_are_refused() {
        let item = quote!(
            fn greet(config: Config) -> Result<Greeting, Problem> {
                todo()
            }
        );
        assert_eq!(refusal(quote!(name = "greet"), item), "`#[task]` takes no arguments");
    }

    #[test]
    fn a_function_with_a_mistake_is_kept() {
        let item = quote!(
            fn greet() {}
        );
        let expanded = expand(quote!(), item.clone()).to_string();
        assert!(expanded.starts_with(&item.to_string()), "{expanded}");
        assert!(expanded.contains("compile_error"), "{expanded}");
    }

    #[test]
    fn the_summary_and_the_function_reach_the_plugin() {
        let item = quote! {
            /// Greets somebody.
            fn greet(config: Config) -> Result<Greeting, Problem> { make(config) }
        };
        let added = plugin(quote!(), item).unwrap().to_string();
        assert!(added.contains("SUMMARY : & 'static str = \"Greets somebody.\""), "{added}");
        assert!(added.contains("config_alone (greet)"), "{added}");
    }

    #[test]
    fn the_form_follows_the_parameters() {
        let item = quote! {
            /// Greets somebody.
            fn greet(config: Config, context: &Context) -> Result<Greeting, Problem> { make(config) }
        };
        let added = plugin(quote!(), item).unwrap().to_string();
        assert!(added.contains("config_and_context (greet)"), "{added}");
    }
}
