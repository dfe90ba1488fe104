//! What does not belong in the queue: messages of the future, garbage in place of what tasks need, and messages that name a foreign tenant.

use sandmill_testkit::RedisSetup;
use serde_json::{Value, json};

use crate::kit::{self, component, sandmill};

use super::{CROWD, Cluster, QUICK, SHORT, STREAM, each_once, lines, rounds, until};

/// Puts each message of the stream in again, as another one would have written it, in place of the old one or beside it.
const FORGE: &str = "\
    for _, found in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
      local fields, task = found[2], {}
      for i = 1, #fields, 2 do
        task[fields[i]] = fields[i + 1]
        if fields[i] == 'envelope' then fields[i + 1] = string.gsub(fields[i + 1], ARGV[1], ARGV[2]) end
        if fields[i] == 'tenant' and ARGV[3] ~= '' then fields[i + 1] = ARGV[3] end
      end
      local entry = redis.call('XADD', KEYS[1], '*', unpack(fields))
      if ARGV[3] == '' then
        redis.call('XDEL', KEYS[1], found[1])
        redis.call('HSET', ARGV[4] .. task.tenant .. ':' .. task.task_exec_id, 'entry', entry)
      end
    end
    return redis.call('XLEN', KEYS[1])";

impl Cluster {
    /// A cluster whose tasks wait in Redis, for no worker is there.
    async fn waiting(items: usize) -> (Self, String) {
        let cluster = Self::start(RedisSetup::default(), &QUICK, 0).await;
        let id = cluster.run(items, SHORT).await;
        until("the tasks are in Redis", async || cluster.in_stream() == items).await;
        (cluster, id)
    }

    /// Changes a text in all messages of the stream; with a tenant, in copies that name that one.
    fn forge(&self, from: &str, to: &str, tenant: &str) {
        let _ = self.redis.cli(&["EVAL", FORGE, "1", STREAM, from, to, tenant, "sandmill:{queue}:state:"]);
    }

    /// What lies where the records and configs of tasks should be is garbage.
    fn spoil(&self) {
        for key in self.keys("}:task:").iter().chain(&self.keys("}:body:")) {
            assert_eq!(self.redis.cli(&["SET", key, "garbage"]), "OK");
        }
    }

    /// The dead letters, as an operator sees them.
    fn letters(&self) -> Value {
        let folder = self.data.parent().unwrap();
        let mut command = sandmill(&["queue", "dead", "--json", "--redis", &self.url()]);
        kit::json(&command.current_dir(folder).output().unwrap())
    }

    fn envelopes(&self) -> Vec<String> {
        let stream = self.redis.cli(&["XRANGE", STREAM, "-", "+"]);
        stream.lines().filter(|line| line.starts_with('{')).map(Into::into).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_future_is_a_dead_letter_and_fails_its_task_alone() {
    let (mut cluster, id) = Cluster::waiting(1).await;
    cluster.forge("\"v\":1", "\"v\":2", "");
    let written = cluster.envelopes();
    assert!(written.len() == 1 && written[0].contains("\"v\":2"), "{written:?}");
    let other = cluster.run(20, SHORT).await;
    cluster.start_worker(2);
    let failed = cluster.server().ended_execution(&id).await;
    assert_eq!(failed["status"], "faulted", "{failed}");
    assert!(failed.to_string().contains("version 2"), "{failed}");
    cluster.completes(&other, 20).await;
    let letters = cluster.letters();
    assert_eq!(letters.as_array().unwrap().len(), 1, "{letters}");
    assert_eq!(letters[0]["envelope"], json!(written[0]), "its bytes, as they were");
    assert!(letters[0]["task_exec_id"].as_str().unwrap().starts_with(&id), "{letters}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_place_of_what_tasks_need_is_replaced() {
    for _ in 0..rounds() {
        let (mut cluster, id) = Cluster::waiting(60).await;
        cluster.spoil();
        cluster.start_worker(2);
        cluster.start_worker(2);
        cluster.have_run(20).await;
        cluster.spoil();
        cluster.completes(&id, 60).await;
        each_once(&cluster.ran());
        let (_, metrics) = cluster.server().get("/metrics").await;
        let repairs =
            metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix("sandmill_queue_repairs_total "));
        assert!(repairs.unwrap().parse::<u64>().unwrap() >= 60, "{repairs:?}");
    }
}

/// The program as a client of a tenant.
fn run_as(cluster: &Cluster, key: &str, arguments: &[&str]) -> Value {
    let output = cluster.server().run(&[arguments, &["--json", "--api-key", key]].concat());
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_another_tenant_reads_and_runs_nothing() {
    let (mut cluster, ours) = Cluster::waiting(3).await;
    assert!(cluster.server().run(&["tenant", "create", "acme"]).status.success());
    let made = kit::json(&cluster.server().run(&["key", "create", "ci", "--tenant", "acme", "--json"]));
    let key = made["key"].as_str().unwrap();
    // Tasks of the one in the name of the other.
    cluster.forge("\"tenant\":\"default\"", "\"tenant\":\"acme\"", "acme");
    assert_eq!(cluster.in_stream(), 6);
    run_as(&cluster, key, &["plugin", "add", "witness:0.1.0", component("witness").to_str().unwrap()]);
    let document = cluster.data.with_file_name("crowd.yaml");
    std::fs::write(&document, CROWD).unwrap();
    run_as(&cluster, key, &["workflow", "apply", document.to_str().unwrap()]);
    let input = json!({ "items": 3, "loops": SHORT }).to_string();
    let theirs = run_as(&cluster, key, &["trigger", "redis/crowd", "--input", &input]);
    let theirs = theirs["id"].as_str().unwrap();
    cluster.start_worker(2);
    cluster.completes(&ours, 3).await;
    let show = || run_as(&cluster, key, &["show", theirs]);
    until("theirs ends", async || show()["execution"]["status"] == "completed").await;
    until("nothing waits", async || cluster.in_stream() == 0).await;
    let lines = lines(&cluster.ledgers);
    assert!(lines.len() == 6 && lines.values().all(|times| *times == 1), "{lines:?}");
    assert!(cluster.keys(&format!("{{acme.{ours}}}")).is_empty(), "nothing was stored for a task that is not theirs");
    assert_eq!(cluster.letters(), json!([]));
}
