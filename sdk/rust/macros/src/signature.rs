//! Which functions can be a task. Types are left to the compiler, which knows them; the shape is judged here, where it
//! can be said what is expected.

use quote::ToTokens;
use syn::{Error, FnArg, Result, ReturnType, Signature, Type};

/// The shape, as every refusal shows it.
pub(crate) const EXPECTED: &str = "expected `fn name(config: Config, context: &Context) -> Result<Output, Error>`, \
    where the context may be left out";

/// Refuses a function that cannot be a task, at the tokens that are wrong.
pub(crate) fn check(signature: &Signature) -> Result<()> {
    check_plain(signature)?;
    check_parameters(signature)?;
    match &signature.output {
        ReturnType::Type(..) => Ok(()),
        ReturnType::Default => refuse(&signature.ident, "a task returns its output or an error"),
    }
}

fn refuse(tokens: impl ToTokens, reason: &str) -> Result<()> {
    Err(Error::new_spanned(tokens, format!("{reason}: {EXPECTED}")))
}

fn check_plain(signature: &Signature) -> Result<()> {
    if let Some(token) = &signature.asyncness {
        return refuse(token, "a task is not `async`, for the host answers every import at once");
    }
    if let Some(token) = &signature.abi {
        return refuse(token, "a task is a plain function, which the attribute exports");
    }
    if !signature.generics.params.is_empty() {
        return refuse(&signature.generics, "a task has no generic parameters, for the host calls it with JSON");
    }
    Ok(())
}

fn check_parameters(signature: &Signature) -> Result<()> {
    let mut parameters = signature.inputs.iter();
    let Some(config) = parameters.next() else {
        return refuse(&signature.ident, "a task takes its config; one without settings takes an empty struct");
    };
    match config {
        FnArg::Receiver(_) => return refuse(config, "a task is a free function, without `self`"),
        FnArg::Typed(config) if matches!(*config.ty, Type::Reference(_)) => {
            return refuse(&config.ty, "the first parameter is the config, by value");
        }
        FnArg::Typed(_) => {}
    }
    if let Some(FnArg::Typed(context)) = parameters.next()
        && !matches!(&*context.ty, Type::Reference(reference) if reference.mutability.is_none())
    {
        return refuse(&context.ty, "the second parameter is `&Context`");
    }
    parameters.next().map_or(Ok(()), |more| refuse(more, "a task has at most two parameters"))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[track_caller]
    fn check_refused(signature: proc_macro2::TokenStream, expected: &str) {
        let message = check(&syn::parse2(signature).unwrap()).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        assert!(message.ends_with(EXPECTED), "{message}");
    }

    #[test]
    fn both_forms_are_accepted() {
        for signature in [
            quote!(fn greet(config: Config) -> Result<Greeting, Problem>),
            quote!(fn greet(Config { name }: Config, _: &Context) -> anyhow::Result<Greeting>),
        ] {
            check(&syn::parse2(signature).unwrap()).unwrap();
        }
    }

    #[test]
    fn a_wrong_shape_says_what_is_expected() {
        check_refused(quote!(async fn greet(config: Config) -> R), "a task is not `async`");
        check_refused(quote!(extern "C" fn greet(config: Config) -> R), "a task is a plain function");
        check_refused(quote!(fn greet<T>(config: T) -> R), "a task has no generic parameters");
        check_refused(quote!(fn greet(config: Config)), "a task returns its output or an error");
        check_refused(quote!(fn greet() -> R), "a task takes its config");
        check_refused(quote!(fn greet(&self) -> R), "a task is a free function");
        check_refused(quote!(fn greet(context: &Context) -> R), "the first parameter is the config");
        check_refused(quote!(fn greet(config: Config, context: Context) -> R), "the second parameter is `&Context`");
        check_refused(quote!(fn greet(config: Config, context: &mut Context) -> R), "the second parameter is");
        check_refused(quote!(fn greet(config: Config, context: &Context, more: u8) -> R), "a task has at most two");
    }
}
