Feature: Extensions
  An extension runs tasks before and after those that it extends.

  Scenario: Before and after run around the task
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - logging:
              extend: set
              before:
                - enter: { wait: { milliseconds: 1 }, export: { as: '{ log: (($context.log // []) + ["before \($task.name)"]) }' } }
              after:
                - leave: { wait: { milliseconds: 1 }, export: { as: '{ log: (($context.log // []) + ["after \($task.name)"]) }' } }
      output: { as: $context.log }
      do:
        - one: { set: { n: 1 } }
        - two: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [before one, after one, before two, after two]
      """
    And enter should run 2 times
    And leave should run 2 times

  Scenario: The output of before and after is dropped
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - noise:
              extend: wait
              before:
                - loud: { set: { noise: before } }
              after:
                - louder: { set: { noise: after } }
      do:
        - pause: { wait: { milliseconds: 1 } }
      """
    And given the workflow input is:
      """yaml
      kept: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      kept: true
      """
    And loud should run before louder

  Scenario: Before has the raw input of the task, after its transformed output
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - look:
              extend: wait
              before:
                - enter: { set: '${ . }', export: { as: '{ before: . }' } }
              after:
                - leave: { set: '${ . }', export: { as: '$context + { after: . }' } }
      output: { as: $context }
      do:
        - pause:
            input: { from: .inner }
            wait: { milliseconds: 1 }
            output: { as: '[.]' }
      """
    And given the workflow input is:
      """yaml
      inner: { n: 1 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      before: { inner: { n: 1 } }
      after: [{ n: 1 }]
      """

  Scenario: Exit in before bypasses the task, and the list's output is the task's raw output
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - mock:
              extend: wait
              before:
                - answer: { set: { mocked: true }, then: exit }
      do:
        - pause: { wait: { hours: 1 }, output: { as: '[.]' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      - { mocked: true }
      """
    And pause should take at most 10000 ms

  Scenario: When decides whether the task is extended, and sees the members of its definition
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - mock:
              extend: set
              when: $task.name == "one" and $task.set.n == 1
              before:
                - answer: { set: { mocked: true }, then: exit }
      do:
        - one: { set: { n: 1 } }
        - two: { set: { n: 2, before: '${ . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      before: { mocked: true }
      """

  Scenario: An answer for a call that is not made
    Given the plugin greet is registered
    And a workflow with definition:
      """yaml
      use:
        extensions:
          - mock:
              extend: call
              when: $task.call == "greet:0.1.0@default" and $task.with.name == "Ada"
              before:
                - answer: { set: { text: '${ "mocked \($task.reference)" }' }, then: exit }
      do:
        - mocked: { call: greet:0.1.0@default, with: { name: Ada } }
        - real: { call: greet:0.1.0@default, with: { name: Bob }, output: { as: '[$input.text, .text]' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [mocked /do/0/mocked, 'Hello, Bob!']
      """

  Scenario Outline: <extended> extends <kind>
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      use:
        extensions:
          - mock:
              extend: <extended>
              before:
                - answer: { set: { mocked: true }, then: exit }
      do:
        - task:
            <task>
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      mocked: true
      """

    Examples:
      | extended  | kind            | task                                                                                    |
      | set       | a set           | set: { n: 1 }                                                                           |
      | wait      | a wait          | wait: { hours: 1 }                                                                      |
      | raise     | a raise         | raise: { error: { type: 'https://example.com/x', status: 400 } }                        |
      | composite | a list of tasks | do: [ { inner: { raise: { error: { type: 'https://example.com/x', status: 400 } } } } ] |
      | for       | a loop          | for: { in: '[1]' }\n      do: [ { inner: { wait: PT1H } } ]                             |
      | switch    | a switch        | switch: [ { one: { then: end } } ]                                                      |
      | try       | a try           | try: [ { inner: { wait: PT1H } } ]\n      catch: {}                                     |
      | call      | a call          | call: guests\n      with: { do: trap }                                                  |
      | all       | a set           | set: { n: 1 }                                                                           |
      | all       | a wait          | wait: { hours: 1 }                                                                      |
      | all       | a fork          | fork: { branches: [ { inner: { wait: PT1H } } ] }                                       |
      | all       | a call          | call: guests\n      with: { do: trap }                                                  |

  Scenario: A kind that is not extended is left alone
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - mock:
              extend: wait
              before:
                - answer: { set: { mocked: true }, then: exit }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """
    And answer should not run

  Scenario: Tasks at every depth are extended
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - count:
              extend: wait
              before:
                - note: { set: { n: 1 } }
      do:
        - outer:
            do:
              - loop:
                  for: { in: '[1, 2]' }
                  do:
                    - both: { fork: { branches: [ { a: { wait: PT0.01S } }, { b: { wait: PT0.01S } } ] } }
      """
    When the workflow is executed
    Then the workflow should complete
    And note should run 4 times

  Scenario: The tasks of an extension are not themselves extended
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - logging:
              extend: all
              before:
                - enter: { set: { n: 1 } }
      do:
        - one: { set: { n: 2 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 2
      """
    And enter should run 1 time

  Scenario: A skipped task is not extended
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - logging:
              extend: set
              before:
                - enter: { wait: { milliseconds: 1 } }
      do:
        - one: { if: 'false', set: { n: 1 } }
      """
    When the workflow is executed
    Then enter should not run

  Scenario: Several extensions run in the order in which they are declared
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - first:
              extend: set
              before:
                - beforeFirst: { wait: { milliseconds: 1 } }
          - second:
              extend: all
              before:
                - beforeSecond: { wait: { milliseconds: 1 } }
      do:
        - one: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 1
      """
    And beforeFirst should run before beforeSecond

  Scenario: A fault in before faults the task, which does not run
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - guard:
              extend: composite
              before:
                - check: { raise: { error: { type: https://example.com/errors/forbidden, status: 403, title: Forbidden } } }
      do:
        - one:
            do:
              - inner: { set: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/forbidden
      status: 403
      title: Forbidden
      instance: /use/extensions/0/guard/before/0/check
      """
    And one should fault
    And inner should not run

  Scenario: A fault in after faults the task
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - guard:
              extend: set
              after:
                - check: { raise: { error: { type: https://example.com/errors/forbidden, status: 403, title: Forbidden } } }
      do:
        - guarded:
            try:
              - one: { set: { n: 1 } }
            catch:
              do:
                - handle: { wait: { milliseconds: 1 }, output: { as: $error.instance } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      /use/extensions/0/guard/after/0/check
      """
    And one should fault

  Scenario: An extension of an unknown kind is rejected
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - mock: { extend: everything, before: [ { one: { set: { n: 1 } } } ] }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "wrong-value" at "/use/extensions/0/mock/extend"

  Scenario: An extension that does not say what it extends is rejected
    Given a workflow with definition:
      """yaml
      use:
        extensions:
          - mock: { before: [ { one: { set: { n: 1 } } } ] }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "missing-property" at "/use/extensions/0/mock"
