Feature: Documents
  A document is valid where the specification accepts it, and deployable where this host runs it as it is meant.

  Scenario Outline: The version <version> of the language is read
    Given a workflow with definition:
      """yaml
      document: { dsl: <version>, namespace: scenarios, name: versions, version: '1.0.0' }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """

    Examples:
      | version |
      | '1.0.0' |
      | '1.0.1' |
      | '1.0.2' |
      | '1.0.3' |

  Scenario: Another version of the language is not deployable
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.1.0', namespace: scenarios, name: versions, version: '1.0.0' }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be valid and not deployable with "not-supported" at "/document/dsl"

  Scenario Outline: A <member> of <value> is rejected
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: <namespace>, name: <name>, version: '<version>' }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "wrong-value" at "/document/<member>"

    Examples:
      | member    | value       | namespace | name        | version |
      | namespace | two words   | two words | fine        | 1.0.0   |
      | name      | -hyphen     | scenarios | '-hyphen'   | 1.0.0   |
      | name      | under_score | scenarios | under_score | 1.0.0   |
      | version   | 1.0         | scenarios | fine        | 1.0     |
      | version   | one         | scenarios | fine        | one     |

  Scenario Outline: What this host does not run yet is valid and not deployable: <what>
    Given a workflow with definition:
      """yaml
      do:
        - one:
            <task>
      """
    Then the workflow definition should be valid and not deployable with "not-supported" at "/do/0/one/<pointer>"

    Examples:
      | what            | pointer       | task                                                                                                        |
      | a shell command | run/shell     | run: { shell: { command: 'ls' } }                                                                           |
      | a container     | run/container | run: { container: { image: busybox } }                                                                      |
      | a script        | run/script    | run: { script: { language: js, code: 'return 1' } }                                                         |
      | call: grpc      | call          | call: grpc\n      with: { proto: { endpoint: 'file://a.proto' }, service: { name: a, host: b }, method: c } |

  Scenario Outline: An option of the platform that has no effect yet, or is wrong, is refused and not ignored: <option>
    Given a workflow with definition:
      """yaml
      do:
        - one: { metadata: { task: { <option> } }, set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "<code>" at "/do/0/one/metadata/task/<member>"

    Examples:
      | option                | member          | code           |
      | queue: No name        | queue           | wrong-option   |
      | priority: 5           | priority        | wrong-option   |
      | heartbeat: PT1S       | heartbeat       | not-supported  |
      | scheduleToStart: PT1S | scheduleToStart | not-supported  |
      | nonsense: 1           | nonsense        | unknown-option |

  Scenario: Metadata that is none of ours is somebody else's
    Given a workflow with definition:
      """yaml
      document:
        dsl: '1.0.3'
        namespace: scenarios
        name: metadata
        version: '1.0.0'
        title: A title
        summary: A summary
        tags: { team: blue }
        metadata: { owner: Ada }
      do:
        - one: { metadata: { colour: red }, set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """

  Scenario: A misspelt property is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one: { set: { n: 1 }, outptu: { as: . } }
      """
    Then the workflow definition should be rejected with "unknown-property" at "/do/0/one/outptu"

  Scenario: A member that stands twice is rejected
    Given a workflow with definition:
      """yaml
      do:
        - one:
            set: { n: 1 }
            set: { n: 2 }
      """
    Then the workflow definition should be rejected with "document-duplicate" at "/do/0/one/set"

  Scenario: A document without tasks to do is rejected
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: scenarios, name: empty, version: '1.0.0' }
      """
    Then the workflow definition should be rejected with "missing-property" at ""

  Scenario: Tasks that are nested too deep are refused
    Given a workflow with definition:
      """json
      { "document": { "dsl": "1.0.3", "namespace": "scenarios", "name": "deep", "version": "1.0.0" },
        "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": {
        "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": {
        "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": { "do": [{ "a": {
        "set": { "n": 1 } } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] } }] }
      """
    Then the workflow definition should be rejected

  Scenario: A document may be JSON
    Given a workflow with definition:
      """json
      { "document": { "dsl": "1.0.3", "namespace": "scenarios", "name": "json", "version": "1.0.0" },
        "do": [{ "one": { "set": { "n": 1 } } }] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """json
      { "n": 1 }
      """

  Scenario: What `use` defines and nobody uses must be right all the same
    Given a workflow with definition:
      """yaml
      use:
        errors: { bad: { status: 400 } }
        timeouts: { short: { after: soon } }
        retries: { often: { delay: often } }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "missing-property" at "/use/errors/bad"
    And the workflow definition should be rejected with "wrong-value" at "/use/timeouts/short/after"
    And the workflow definition should be rejected with "wrong-value" at "/use/retries/often/delay"
