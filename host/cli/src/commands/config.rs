//! `sandmill config show`: every setting, its value, and where that came from.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::SettingArguments;
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::settings::{Settings, Typed};

/// The settings that a command's flags, the environment and the file make together.
pub(crate) fn load(arguments: &SettingArguments, flags: Vec<(String, String)>) -> Result<Settings, Failure> {
    let catalogs =
        (!arguments.catalogs.catalog.is_empty()).then(|| ("catalogs".into(), arguments.catalogs.catalog.join(",")));
    let flags = arguments.set.iter().cloned().chain(catalogs).chain(flags).collect();
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Settings::load(&Typed { file: arguments.config.clone(), flags }, environment)
}

/// Prints all settings.
pub(crate) fn show(arguments: &SettingArguments, output: Output) -> Result<ExitCode, Failure> {
    let settings = load(arguments, Vec::new())?;
    let rows: Vec<Value> = settings
        .all()
        .map(|(setting, value, origin)| {
            json!({ "name": setting.name, "value": value, "source": origin.to_string(), "default": setting.default,
                "what": setting.what, "error": setting.code })
        })
        .collect();
    let columns = [("SETTING", "name"), ("VALUE", "value"), ("SOURCE", "source"), ("WHAT", "what")];
    output.value(&Value::Array(rows), |rows| table(&columns, rows));
    Ok(ExitCode::SUCCESS)
}
