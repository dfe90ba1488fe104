//! The plugin's summary: the first paragraph of the function's doc comment, as one line.

use syn::{Error, Expr, ExprLit, ItemFn, Lit, Meta, Result};

/// Finds the summary, or asks for one.
pub(crate) fn summary(function: &ItemFn) -> Result<String> {
    let comments: Vec<String> = function.attrs.iter().filter_map(|attribute| comment(&attribute.meta)).collect();
    let lines = comments.iter().flat_map(|comment| comment.lines()).map(str::trim);
    let paragraph = lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    let summary = paragraph.collect::<Vec<_>>().join(" ");
    if summary.is_empty() {
        let message = "say in a doc comment (`/// ...`) what the task does: it becomes the plugin's summary";
        return Err(Error::new_spanned(&function.sig.ident, message));
    }
    Ok(summary)
}

fn comment(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().is_empty() => Some("\n".to_owned()),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[track_caller]
    fn check(comments: proc_macro2::TokenStream, expected: &str) {
        let function = syn::parse2(quote!(#comments fn greet() {})).unwrap();
        assert_eq!(summary(&function).unwrap(), expected);
    }

    #[test]
    fn the_first_paragraph_is_the_summary() {
        check(quote!(#[doc = " Greets."]), "Greets.");
        check(quote!(#[doc = " Greets"] #[doc = " somebody."] #[doc = ""] #[doc = " More."]), "Greets somebody.");
        check(quote!(#[doc = "\n Greets\n somebody.\n\n More.\n"]), "Greets somebody.");
        check(quote!(#[doc = ""] #[inline] #[doc = " Greets."]), "Greets.");
    }

    #[test]
    fn a_task_without_a_comment_is_asked_for_one() {
        let function = syn::parse2(quote!(
            fn greet() {}
        ))
        .unwrap();
        assert!(summary(&function).unwrap_err().to_string().starts_with("say in a doc comment"));
    }
}
