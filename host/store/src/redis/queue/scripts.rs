//! The scripts of the queue.

use std::sync::LazyLock;

use super::super::Script;

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("../scripts/", $file))));
    };
}

script!(CANCEL, "cancel.lua");
script!(COMPLETE, "complete.lua");
script!(DISOWN, "disown.lua");
script!(ENQUEUE, "enqueue.lua");
script!(FORGET, "forget.lua");
script!(FORGET_EXECUTION, "forget_execution.lua");
script!(GIVE_BACK, "give_back.lua");
script!(OWN, "own.lua");
script!(RENEW, "renew.lua");
script!(REPORT, "report.lua");
script!(SETTLE, "settle.lua");
script!(TAKE, "take.lua");
