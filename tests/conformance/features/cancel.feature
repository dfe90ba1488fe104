Feature: Cancel
  A cancelled execution ends, and everything that it runs ends with it.

  Scenario Outline: A workflow is cancelled in the middle of a <kind>
    Given the plugin guests is registered
    And a workflow with definition:
      """yaml
      do:
        - task:
            <task>
        - after: { set: { n: 1 } }
      """
    When the workflow is executed
    And the workflow is cancelled while <inner> runs
    Then the workflow should be cancelled
    And <inner> should be cancelled
    And task should be cancelled
    And after should not run

    Examples:
      | kind | inner | task                                                                                                        |
      | wait | task  | wait: { hours: 1 }                                                                                          |
      | call | task  | call: guests\n      with: { do: wait-for-cancel }                                                           |
      | list | inner | do: [ { inner: { wait: { hours: 1 } } } ]                                                                   |
      | loop | inner | for: { in: '[1, 2]' }\n      do: [ { inner: { wait: { hours: 1 } } } ]                                      |
      | map  | inner | metadata: { for: { mode: map } }\n      for: { in: '[1]' }\n      do: [ { inner: { wait: { hours: 1 } } } ] |
      | fork | inner | fork: { branches: [ { inner: { wait: { hours: 1 } } } ] }                                                   |
      | race | inner | fork: { compete: true, branches: [ { inner: { wait: { hours: 1 } } } ] }                                    |
      | try  | inner | try: [ { inner: { wait: { hours: 1 } } } ]\n      catch: {}                                                 |

  Scenario: A workflow is cancelled in the middle of a catch
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422 } } }
            catch:
              do:
                - handle: { wait: { hours: 1 } }
      """
    When the workflow is executed
    And the workflow is cancelled while handle runs
    Then the workflow should be cancelled
    And handle should be cancelled
    And guarded should be cancelled

  Scenario: No catch catches a cancellation
    Given a workflow with definition:
      """yaml
      do:
        - guarded:
            try:
              - pause: { wait: { hours: 1 } }
            catch:
              do:
                - handle: { set: { caught: true } }
      """
    When the workflow is executed
    And the workflow is cancelled while pause runs
    Then the workflow should be cancelled
    And handle should not run

  Scenario: A suspended workflow is cancelled
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: { hours: 1 } }
      """
    When the workflow is executed
    And the workflow is suspended while pause runs
    And the workflow is cancelled
    Then the workflow should be cancelled
    And pause should be cancelled
    And the lifecycle events of the workflow should be started, suspended, cancelled
