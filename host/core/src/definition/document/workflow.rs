//! The document itself: what it calls itself, and what holds for all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::Version;

use super::PluginSource;
use super::compiler::{Compiler, Scope};
use super::expressions::{Moment, Sight};
use super::findings::{Findings, Spot};
use super::metadata::DocumentOptions;
use super::report::{NOT_SUPPORTED, Verdict, WRONG_VALUE};
use super::reuse::Reuse;
use super::tree::{Place, Tree};
use crate::definition::{Defaults, Definition, DefinitionName};
use crate::ids::{Digest, JsonPointer};

/// The versions of the language that are read, all with the rules of the last one, which refuses nothing that the others allow.
const DSL: [&str; 4] = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"];

const PROPERTIES: [&str; 8] = ["document", "input", "use", "do", "timeout", "output", "schedule", "evaluate"];

/// What the document says about itself.
struct Head {
    name: Option<DefinitionName>,
    options: DocumentOptions,
}

/// Compiles the tree. There is a definition only where nothing stands against it.
pub(super) fn compile<'t>(
    tree: &'t Tree<'t>,
    findings: &mut Findings<'t>,
    plugins: &dyn PluginSource,
    digest: Digest,
) -> Option<Definition> {
    let mut compiler = Compiler {
        findings,
        plugins,
        is_loose: false,
        reuse: Reuse::default(),
        base: JsonPointer::root(),
        defaults: Defaults::default(),
        nodes: Vec::new(),
        pinned: Vec::new(),
        pins: BTreeMap::new(),
        plugin_names: None,
        functions: BTreeMap::new(),
        cataloged: BTreeMap::new(),
        pinned_functions: Vec::new(),
        targets: Vec::new(),
        in_maps: Vec::new(),
    };
    let definition = compiler.workflow(tree.root(), digest)?;
    let is_refused = findings.has_any(Verdict::Invalid) || findings.has_any(Verdict::NotDeployable);
    (!is_refused).then_some(definition)
}

impl<'t> Compiler<'t, '_> {
    fn workflow(&mut self, root: Place<'t>, digest: Digest) -> Option<Definition> {
        if !self.open(root, "a workflow", &PROPERTIES) {
            return None;
        }
        let head = self.head(root);
        self.evaluate(root);
        self.note_reusable(root);
        let extensions = self.compile_reusable(root);
        self.schedule(root);
        let sight = Sight::workflow(Moment::WorkflowInput);
        let input = self.input(root, sight);
        let timeout = root.get("timeout").and_then(|timeout| self.timeout(timeout, sight));
        let output = self.output(root, Sight::workflow(Moment::WorkflowOutput));
        let list = self.required(root, "a workflow", "do")?;
        let body = self.list(list, "`do`", &Scope::outermost());
        self.check_exports_in_maps(&extensions);
        Some(Definition {
            digest,
            name: head.name?,
            document: root.value().clone(),
            input,
            output,
            timeout,
            defaults: std::mem::take(&mut self.defaults),
            retention: head.options.retention,
            config_ttl: head.options.config_ttl,
            nodes: self.take_nodes(),
            body,
            plugins: std::mem::take(&mut self.pinned),
            functions: std::mem::take(&mut self.pinned_functions),
            extensions,
        })
    }

    fn head(&mut self, root: Place<'t>) -> Head {
        let nothing = Head { name: None, options: DocumentOptions::default() };
        let Some(document) = self.required(root, "a workflow", "document") else { return nothing };
        let known = ["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"];
        if !self.closed(document, "`document`", &known) {
            return nothing;
        }
        self.dsl(document);
        let namespace = self.label(document, "namespace");
        let name = self.label(document, "name");
        let version = self.version(document, "version");
        self.texts(document, &["title", "summary"]);
        self.object_of(document, "tags");
        let options = self.document_metadata(document);
        let named = |((namespace, name), version)| DefinitionName { namespace, name, version };
        Head { name: namespace.zip(name).zip(version).map(named), options }
    }

    fn dsl(&mut self, document: Place<'t>) {
        let Some(dsl) = self.version(document, "dsl") else { return };
        if let Some(place) = document.get("dsl").filter(|_| !DSL.contains(&&*dsl)) {
            let message =
                format!("this host reads the DSL from {} to {}, and this is {dsl}", DSL[0], DSL[DSL.len() - 1]);
            self.refuse_for(Spot::Value(place), NOT_SUPPORTED, message, format!("write '{}'", DSL[DSL.len() - 1]));
        }
    }

    /// A semantic version.
    fn version(&mut self, document: Place<'t>, name: &str) -> Option<Arc<str>> {
        let place = self.required(document, "`document`", name)?;
        let text = self.text(place, &format!("`{name}`"))?;
        if Version::parse(&text).is_ok() {
            return Some(Arc::from(&*text));
        }
        let message = format!("`{name}` must be a semantic version, and is `{text}`");
        self.wrong_value(place, message, "write three numbers, such as '1.0.0'");
        None
    }

    /// A label of one to 63 letters, digits and inner hyphens. The specification allows capitals.
    fn label(&mut self, document: Place<'t>, name: &str) -> Option<Arc<str>> {
        let place = self.required(document, "`document`", name)?;
        let text = self.text(place, &format!("`{name}`"))?;
        if crate::ids::is_dns_label(&text.to_ascii_lowercase()) {
            return Some(Arc::from(&*text));
        }
        let message = format!("`{name}` must have 1 to 63 letters, digits and inner hyphens, and is `{text}`");
        self.refuse(Spot::Value(place), WRONG_VALUE, message);
        None
    }

    fn evaluate(&mut self, root: Place<'t>) {
        let Some(place) = root.get("evaluate") else { return };
        if !self.closed(place, "`evaluate`", &["language", "mode"]) {
            return;
        }
        if let Some(mode) = place.get("mode") {
            self.is_loose = self.word(mode, "`mode`", &["strict", "loose"]) == Some("loose");
        }
        let language = self.text_of(place, "language");
        if let (Some(language), Some(member)) = (language.filter(|text| *text != "jq"), place.get("language")) {
            let message = format!("this host evaluates expressions in `jq`, and not in `{language}`");
            self.refuse(Spot::Value(member), NOT_SUPPORTED, message);
        }
    }

    /// `schedule` is checked, and not supported.
    fn schedule(&mut self, root: Place<'t>) {
        let Some(place) = root.get("schedule") else { return };
        if !self.closed(place, "`schedule`", &["every", "cron", "after", "on", "read"]) {
            return;
        }
        let sight = Sight::workflow(Moment::WorkflowInput);
        self.span_of(place, "every", sight);
        self.text_of(place, "cron");
        self.span_of(place, "after", sight);
        if let Some(strategy) = place.get("on") {
            self.consumption(strategy, sight, true);
        }
        if let Some(read) = place.get("read") {
            self.word(read, "`read`", &["data", "envelope", "raw"]);
            if place.get("on").is_none() {
                let message = "`read` says how the events of `on` are read, and there is no `on`";
                self.refuse(Spot::Name(read), super::report::MISSING_PROPERTY, message);
            }
        }
        self.unsupported(place, "`schedule`");
    }
}
