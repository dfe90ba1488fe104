Feature: Wait
  A wait takes as long as its duration says, and passes its input on.

  Scenario: The input of a wait is its output
    Given a workflow with definition:
      """yaml
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

  Scenario Outline: A wait takes as long as <duration>
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: <duration> }
      """
    When the workflow is executed
    Then the workflow should complete
    And pause should take at least <least> ms

    Examples:
      | duration                                             | least |
      | { milliseconds: 150 }                                | 150   |
      | { seconds: 1 }                                       | 1000  |
      | { seconds: 0, milliseconds: 120 }                    | 120   |
      | { days: 0, hours: 0, minutes: 0, milliseconds: 110 } | 110   |
      | PT0.2S                                               | 200   |
      | PT1S                                                 | 1000  |
      | P0DT0H0M0.1S                                         | 100   |

  Scenario: A wait of no time goes on at once
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: PT0S }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow should take at most 5000 ms

  Scenario: An expression gives the duration as text
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: '${ "PT0.\(.tenths)S" }' }
      """
    And given the workflow input is:
      """yaml
      tenths: 2
      """
    When the workflow is executed
    Then the workflow should complete
    And pause should take at least 200 ms

  Scenario: An expression gives the duration as an object
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: '${ .pause }' }
      """
    And given the workflow input is:
      """yaml
      pause: { milliseconds: 130 }
      """
    When the workflow is executed
    Then the workflow should complete
    And pause should take at least 130 ms

  Scenario Outline: An expression that gives <given> is an error of the wait
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: '${ .pause }' }
      """
    And given the workflow input is:
      """yaml
      pause: <given>
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/pause
      """

    Examples:
      | given           |
      | soon            |
      | { weeks: 1 }    |
      | { seconds: -1 } |
      | 5               |
      | P200Y           |

  Scenario Outline: A document with the duration <duration> is rejected
    Given a workflow with definition:
      """yaml
      do:
        - pause: { wait: <duration> }
      """
    Then the workflow definition should be rejected with "<code>" at "<pointer>"

    Examples:
      | duration           | code             | pointer                  |
      | soon               | wrong-value      | /do/0/pause/wait         |
      | PT                 | wrong-value      | /do/0/pause/wait         |
      | PT1S1M             | wrong-value      | /do/0/pause/wait         |
      | 5                  | wrong-type       | /do/0/pause/wait         |
      | {}                 | wrong-value      | /do/0/pause/wait         |
      | { weeks: 1 }       | unknown-property | /do/0/pause/wait/weeks   |
      | { seconds: 'one' } | wrong-type       | /do/0/pause/wait/seconds |
