//! A compiler for the documents of these tests: calls of plugins, one after the other.

use std::sync::Arc;

use sandmill_core::definition::{
    Call, Defaults, Definition, DefinitionName, Excerpt, Finding, Input, Kind, Node, NodeId, Output, PluginSource,
    Report, Then, Verdict,
};
use sandmill_core::expression::{Mode, Template};
use sandmill_core::ids::{Digest, JsonPointer};
use sandmill_core::value::Value;

pub(crate) fn compile(document: &[u8], plugins: &dyn PluginSource) -> Result<Definition, Report> {
    let text = Value::from_json(document).map_err(|error| rejected(&error.to_string()))?;
    let about =
        |name: &str| text.pointer(&format!("/document/{name}")).map(|value| value.as_str().unwrap().into_owned());
    let (Some(namespace), Some(name), Some(version)) = (about("namespace"), about("name"), about("version")) else {
        return Err(rejected("the document has no name"));
    };
    let mut definition = Definition {
        digest: Digest::of(document),
        name: DefinitionName { namespace: namespace.into(), name: name.into(), version: version.into() },
        document: text.clone(),
        input: Input::default(),
        output: Output::default(),
        timeout: None,
        defaults: Defaults::default(),
        retention: None,
        nodes: Vec::new(),
        body: Arc::from([]),
        plugins: Vec::new(),
    };
    for (index, task) in text.get("do").unwrap().iter_array().unwrap().enumerate() {
        let (name, task) = task.entries().unwrap().map(|(name, task)| (name.into_owned(), task)).next().unwrap();
        let call = call(&mut definition, plugins, &task)?;
        let pointer = JsonPointer::root().child("do").index(index).child(&name);
        definition.nodes.push(node(pointer, &name, task, call));
    }
    definition.body = (0..u32::try_from(definition.nodes.len()).unwrap()).map(NodeId).collect();
    Ok(definition)
}

fn call(definition: &mut Definition, plugins: &dyn PluginSource, task: &Value) -> Result<Kind, Report> {
    let called = task.get("call").unwrap().as_str().unwrap().replace("@default", "");
    let (name, version) = called.split_once(':').unwrap();
    let pinned =
        plugins.plugin(name, Some(version)).ok_or_else(|| rejected(&format!("there is no plugin {called}")))?;
    let plugin = u32::try_from(definition.plugins.len()).unwrap();
    definition.plugins.push(pinned);
    let with = Template::compile(&task.get("with").unwrap(), &[], Mode::Strict).unwrap();
    Ok(Kind::Call(Call { plugin, with, retry: None }))
}

fn node(pointer: JsonPointer, name: &str, definition: Value, kind: Kind) -> Node {
    Node {
        pointer,
        name: name.into(),
        definition,
        condition: None,
        input: Input::default(),
        output: Output::default(),
        export: None,
        timeout: None,
        then: Then::Continue,
        kind,
    }
}

fn rejected(message: &str) -> Report {
    let finding = Finding {
        code: "test",
        verdict: Verdict::Invalid,
        pointer: JsonPointer::root().child("do"),
        line: 2,
        column: 7,
        message: message.into(),
        suggestion: Some("write another one".into()),
        excerpt: Excerpt::default(),
    };
    Report { findings: vec![finding] }
}
