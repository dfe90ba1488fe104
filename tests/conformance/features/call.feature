Feature: Call
  A call runs a plugin of the tenant's catalog with its resolved arguments.

  Scenario: A plugin is called by name and version
    Given the plugin greet is registered
    And a workflow with definition:
      """yaml
      do:
        - greet: { call: greet:0.1.0@default, with: { name: '${ .name }' } }
      """
    And given the workflow input is:
      """yaml
      name: Ada
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      text: Hello, Ada!
      """
    And greet should have the arguments:
      """yaml
      name: Ada
      """

  Scenario: A name alone means the newest version
    Given the plugin echo is registered in version 1.9.0
    And the plugin echo is registered in version 1.10.0
    And a workflow with definition:
      """yaml
      do:
        - echo: { call: echo, with: { value: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      1
      """

  Scenario: The explicit form names plugin, version and input
    Given the plugin echo is registered
    And a workflow with definition:
      """yaml
      do:
        - echo: { call: wasm, with: { plugin: echo, version: 0.1.0, input: { value: '${ .n }' } } }
      """
    And given the workflow input is:
      """yaml
      n: [1, 2]
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [1, 2]
      """

  Scenario: A plugin reads the context, the input and the item
    Given the plugin echo is registered
    And a workflow with definition:
      """yaml
      do:
        - keep: { set: { n: 1 }, export: { as: '{ kept: [1, 2] }' } }
        - context: { call: echo, with: { context: context.kept }, output: { as: '{ context: . }' } }
        - input: { call: echo, with: { context: input }, output: { as: '$input + { input: . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      context: [1, 2]
      input: { context: [1, 2] }
      """

  Scenario: A problem of a plugin is an error at its task
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - fail:
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/quota", "title": "Quota", "status": 429 }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/problems/quota
      title: Quota
      status: 429
      instance: /do/0/fail
      """

  Scenario: A problem of a plugin is caught like any other error
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - fail:
                  call: guests
                  with: { do: return-problem, text: '{ "type": "https://example.com/problems/quota", "title": "Quota", "status": 429 }' }
            catch:
              errors: { with: { status: 429 } }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Quota
      """

  Scenario: A trap is an error of the runtime
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - fail: { call: guests, with: { do: trap } }
      """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'instance' property with value:
      """yaml
      /do/0/fail
      """

  Scenario: A problem that may pass is attempted again by the platform
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - flaky:
            metadata: { task: { retry: { attempts: 3, delay: { milliseconds: 20 } } } }
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/problems/busy
      status: 503
      """
    And flaky should be retried 2 times
    And flaky should run 1 time

  Scenario: The default of the document holds for tasks that say nothing themselves
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      document:
        dsl: '1.0.3'
        namespace: scenarios
        name: defaults
        version: '1.0.0'
        metadata: { defaults: { retry: { attempts: 2, delay: { milliseconds: 20 } } } }
      do:
        - flaky:
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the workflow should fault
    And flaky should be retried 1 time

  Scenario: What a task says itself is nearer than the default of the document
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      document:
        dsl: '1.0.3'
        namespace: scenarios
        name: defaults
        version: '1.0.0'
        metadata: { defaults: { retry: { attempts: 5, delay: { milliseconds: 20 } } } }
      do:
        - flaky:
            metadata: { task: { retry: { attempts: 1 } } }
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the workflow should fault
    And flaky should be retried 0 times

  Scenario: The default timeout of the document holds for calls
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      document:
        dsl: '1.0.3'
        namespace: scenarios
        name: defaults
        version: '1.0.0'
        metadata: { defaults: { timeout: { milliseconds: 300 } } }
      do:
        - slow: { call: guests, with: { do: sleep, count: 20000 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """

  Scenario: The defaults of the tenant hold where neither the task nor the document says anything
    Given the plugin guests is registered
    And the tenant has the defaults:
      """yaml
      timeout_ms: 300
      """
    And a workflow with definition:
      """yaml
      do:
        - slow: { call: guests, with: { do: sleep, count: 20000 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/slow
      """

  Scenario: The document is nearer than the tenant
    Given the plugin guests is registered
    And the tenant has the defaults:
      """yaml
      retry: { attempts: 5, delay_ms: 20, factor: 1, max_delay_ms: 20 }
      """
    And a workflow with definition:
      """yaml
      document:
        dsl: '1.0.3'
        namespace: scenarios
        name: defaults
        version: '1.0.0'
        metadata: { defaults: { retry: { attempts: 2, delay: { milliseconds: 20 } } } }
      do:
        - flaky:
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the workflow should fault
    And flaky should be retried 1 time

  Scenario: The tenant is nearer than the host
    Given the plugin guests is registered
    And the tenant has the defaults:
      """yaml
      retry: { attempts: 5, delay_ms: 20, factor: 1, max_delay_ms: 20 }
      """
    And a workflow with definition:
      """yaml
      do:
        - flaky:
            call: guests
            with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
      """
    When the workflow is executed
    Then the workflow should fault
    And flaky should be retried 4 times

  Scenario: A try that retries comes before the platform
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - count: { set: { tries: '${ ($context.tries // 0) + 1 }' }, export: { as: . } }
              - flaky:
                  if: .tries < 3
                  call: guests
                  with: { do: return-problem, text: '{ "type": "https://example.com/problems/busy", "title": "Busy", "status": 503, "retryable": true }' }
            catch: { retry: { limit: { attempt: { count: 5 } } } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      tries: 3
      """
    And flaky should be retried 0 times
    And guarded should be retried 2 times

  Scenario: A plugin is told its round, and the key for effects outside stays the same
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - facts:
                  call: guests
                  with: { do: facts }
                  export: { as: '{ keys: (($context.keys // []) + [.key]), rounds: (($context.rounds // []) + [.round]) }' }
              - again: { if: .round < 3, raise: { error: { type: https://example.com/errors/again, status: 500 } } }
            catch: { retry: {} }
        - look: { set: { rounds: '${ $context.rounds }', keys: '${ $context.keys | unique | length }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      rounds: [1, 2, 3]
      keys: 1
      """

  Scenario: Iterations have keys of their own
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - map:
            metadata: { for: { mode: map } }
            for: { in: '[1, 2, 3]' }
            do:
              - facts: { call: guests, with: { do: facts }, output: { as: .key } }
            output: { as: unique | length }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      3
      """

  Scenario: A plugin that is not registered is not deployable
    Given a workflow with definition:
      """yaml
      do:
        - greet: { call: nobody:0.1.0@default, with: { name: Ada } }
      """
    Then the workflow definition should be rejected with "unknown-plugin" at "/do/0/greet/call"

  Scenario: A version that is not registered is not deployable
    Given the plugin greet is registered
    And a workflow with definition:
      """yaml
      do:
        - greet: { call: greet:9.9.9@default, with: { name: Ada } }
      """
    Then the workflow definition should be rejected with "unknown-plugin" at "/do/0/greet/call"

  Scenario: A cancelled call ends at once, and its plugin is stopped
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - slow: { call: guests, with: { do: spin, count: 0 } }
      """
    When the workflow is executed
    And the workflow is cancelled while slow runs
    Then the workflow should be cancelled
    And slow should be cancelled
    And the workflow should take at most 9000 ms
