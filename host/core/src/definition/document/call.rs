//! `call`: plugins of the catalog, and functions. The protocols of the specification are checked, and not supported.

use super::compiler::Compiler;
use super::findings::Spot;
use super::nearest::nearest;
use super::report::{NOT_SUPPORTED, UNKNOWN_PLUGIN, WRONG_OPTION};
use super::task::Task;
use super::tree::Place;
use crate::definition::{Call, CallOptions, Kind};
use crate::expression::Template;
use crate::ids::is_dns_label;
use crate::value::Value;

/// The catalog of this host, by the specification's reserved name.
const DEFAULT_CATALOG: &str = "default";

/// The function that stands for a plugin in the explicit form.
const WASM: &str = "wasm";

/// The protocols of the specification.
const PROTOCOLS: [&str; 6] = ["asyncapi", "grpc", "http", "openapi", "a2a", "mcp"];

impl<'t> Compiler<'t, '_> {
    pub(super) fn call(&mut self, task: Task<'t, '_>, options: CallOptions) -> Option<Kind> {
        let place = task.place.get("call")?;
        let name = self.text(place, "`call`")?;
        if PROTOCOLS.contains(&&*name) {
            self.protocol(task, &name);
            let message = format!("this host does not support `call: {name}` yet");
            self.refuse(Spot::Value(place), NOT_SUPPORTED, message);
            return None;
        }
        let with = task.place.get("with");
        let with = with.filter(|with| self.is_object(*with, "`with`"));
        if name == WASM && self.reuse.find("functions", WASM).is_none() {
            return self.explicit(task, with, options).map(Kind::Call);
        }
        let with = match with {
            Some(with) => self.template(with, task.sight()),
            None => nothing(),
        };
        self.function(task, place, &name, (with, options))
    }

    /// `call: wasm` with `with: { plugin, version, input }`.
    fn explicit(&mut self, task: Task<'t, '_>, with: Option<Place<'t>>, options: CallOptions) -> Option<Call> {
        let Some(with) = with else {
            let message = "`call: wasm` needs `with` to name the plugin";
            self.refuse_for(
                Spot::Name(task.place),
                WRONG_OPTION,
                message,
                "write `with: { plugin: name, input: {} }`".into(),
            );
            return None;
        };
        self.members_known(with, "`with` of `call: wasm`", &["plugin", "version", "input"], false);
        let config = match with.get("input") {
            Some(input) => self.template(input, task.sight()),
            None => nothing(),
        };
        let text = |compiler: &mut Self, member: Place<'t>| {
            let text = member.text().map(std::borrow::Cow::into_owned);
            if text.is_none() {
                let message = format!("`{}` must be text", member.name().unwrap_or_default());
                compiler.wrong_option(member, message, "write it in quotes");
            }
            text
        };
        let version = with.get("version").map(|version| text(self, version));
        let Some(plugin) = with.get("plugin") else {
            let message = "`with` of `call: wasm` needs `plugin`";
            self.refuse(Spot::Name(with), WRONG_OPTION, message);
            return None;
        };
        let name = text(self, plugin)?;
        let version = match version {
            Some(version) => Some(version?),
            None => None,
        };
        let plugin = self.pin(plugin, &name, version.as_deref())?;
        Some(Call { plugin, with: config, options })
    }

    /// What is behind `name`, `name:version@catalog` or the address of a function.
    fn function(
        &mut self,
        task: Task<'t, '_>,
        place: Place<'t>,
        call: &str,
        (with, options): (Template, CallOptions),
    ) -> Option<Kind> {
        if call.contains("://") {
            return self.function_at(task, place, call, with);
        }
        let plugin = match call.split_once('@') {
            Some((function, DEFAULT_CATALOG)) if self.reuse.find("catalogs", DEFAULT_CATALOG).is_none() => {
                let (name, version) = match function.split_once(':') {
                    Some((name, version)) => (name, Some(version)),
                    None => (function, None),
                };
                self.pin(place, name, version)
            }
            Some(function) => return self.cataloged_function(task, place, function, with),
            None if self.functions.contains_key(call) => return self.used_function(task, call, with),
            None => self.pin(place, call, None),
        };
        Some(Kind::Call(Call { plugin: plugin?, with, options }))
    }

    /// The plugin's place in the list of those that are called.
    fn pin(&mut self, place: Place<'t>, name: &str, version: Option<&str>) -> Option<u32> {
        let key = (name.to_owned(), version.map(str::to_owned));
        let known = self.pins.get(&key).copied();
        let pin = known.unwrap_or_else(|| self.look_up(name, version));
        self.pins.insert(key, pin);
        if pin.is_none() {
            let (message, suggestion) = self.no_plugin(name, version);
            self.findings.add(Spot::Value(place), UNKNOWN_PLUGIN, message, suggestion);
        }
        pin
    }

    fn look_up(&mut self, name: &str, version: Option<&str>) -> Option<u32> {
        if !is_dns_label(name) || version == Some("") {
            return None;
        }
        let plugin = self.plugins.plugin(name, version)?;
        let position = self.pinned.iter().position(|pinned| *pinned == plugin).unwrap_or_else(|| {
            self.pinned.push(plugin);
            self.pinned.len() - 1
        });
        u32::try_from(position).ok()
    }

    /// Why there is no such plugin, and what there is.
    fn no_plugin(&mut self, name: &str, version: Option<&str>) -> (String, Option<String>) {
        let names = self.plugin_names.get_or_insert_with(|| self.plugins.names());
        let candidates = names.iter().map(String::as_str).chain(PROTOCOLS);
        let meant = nearest(name, candidates).map(|meant| format!("did you mean `{meant}`?"));
        if !is_dns_label(name) {
            let message = format!("`{name}` is no name of a plugin: lower-case letters, digits and inner hyphens");
            let suggestion = name.contains(':').then(|| format!("write `{name}@{DEFAULT_CATALOG}`"));
            return (message, suggestion.or(meant));
        }
        let newest = self.plugins.plugin(name, None);
        match (version, newest) {
            (Some(version), Some(newest)) => {
                let message = format!("the plugin `{name}` has no version `{version}`");
                (message, Some(format!("the newest version is {}", newest.version)))
            }
            _ => (format!("the catalog has no plugin `{name}`"), meant),
        }
    }
}

/// The config of a call without `with`.
fn nothing() -> Template {
    Template::constant(Value::object::<&str>([]))
}
