@slow
Feature: Suspend and resume
  A suspended execution begins nothing; it goes on where it was.

  Scenario Outline: A workflow is suspended in the middle of a <kind>, and goes on
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - task:
            <task>
        - after: { set: { done: true } }
      """
    When the workflow is executed
    And the workflow is suspended while <inner> runs
    And 600 ms pass
    And the workflow is resumed
    Then the workflow should complete with output:
      """yaml
      done: true
      """
    And after should run 1 time
    And the lifecycle events of the workflow should be started, suspended, resumed, completed
    And the workflow should take at least 600 ms

    Examples:
      | kind | inner | task                                                                                                                     |
      | wait | task  | wait: { milliseconds: 3000 }                                                                                             |
      | call | task  | call: guests\n      with: { do: sleep, count: 3000 }                                                                     |
      | list | inner | do: [ { inner: { wait: { milliseconds: 3000 } } } ]                                                                      |
      | loop | inner | for: { in: '[1, 2]' }\n      do: [ { inner: { wait: { milliseconds: 3000 } } } ]                                         |
      | map  | inner | metadata: { for: { mode: map } }\n      for: { in: '[1, 2]' }\n      do: [ { inner: { wait: { milliseconds: 3000 } } } ] |
      | fork | inner | fork: { branches: [ { inner: { wait: { milliseconds: 3000 } } }, { other: { set: { n: 1 } } } ] }                        |
      | race | inner | fork: { compete: true, branches: [ { inner: { wait: { milliseconds: 3000 } } }, { other: { wait: PT1H } } ] }            |
      | try  | inner | try: [ { inner: { wait: { milliseconds: 3000 } } } ]\n      catch: {}                                                    |

  Scenario: A suspended workflow begins no task, and a wait that came due goes on when it is resumed
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: { milliseconds: 3000 } }
        - after: { set: { n: 1 } }
      """
    When the workflow is executed
    And the workflow is suspended while pause runs
    And 4000 ms pass
    And the workflow is resumed
    Then the workflow should complete
    And pause should take at least 4000 ms

  Scenario: A call that runs comes to its end while the workflow is suspended
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - slow: { call: guests, with: { do: sleep, count: 3000 } }
        - after: { call: guests, with: { do: facts }, output: { as: .attempt } }
      """
    When the workflow is executed
    And the workflow is suspended while slow runs
    And slow has completed
    And the workflow is resumed
    Then the workflow should complete with output:
      """yaml
      1
      """
    And slow should run 1 time

  Scenario: A retry that came due goes on when the workflow is resumed
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - count: { set: { tries: '${ ($context.tries // 0) + 1 }' }, export: { as: . } }
              - flaky: { if: .tries < 2, raise: { error: { type: https://example.com/errors/flaky, status: 503 } } }
            catch: { retry: { delay: { milliseconds: 3000 } } }
      """
    When the workflow is executed
    And guarded has retried
    And the workflow is suspended
    And 600 ms pass
    And the workflow is resumed
    Then the workflow should complete with output:
      """yaml
      tries: 2
      """

  Scenario: A workflow is suspended twice
    Given a workflow with definition:
      """yaml
      do:
        - one: { wait: { milliseconds: 3000 } }
        - two: { wait: { milliseconds: 3000 } }
      """
    When the workflow is executed
    And the workflow is suspended while one runs
    And the workflow is resumed
    And the workflow is suspended while two runs
    And the workflow is resumed
    Then the workflow should complete
    And the lifecycle events of the workflow should be started, suspended, resumed, suspended, resumed, completed
