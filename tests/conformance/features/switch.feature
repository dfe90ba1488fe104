Feature: Switch
  The first case that matches chooses the way.

  Scenario: Of two cases that match the first is taken
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - big: { when: .size > 10, then: large }
              - positive: { when: .size > 0, then: small }
        - small: { set: '${ "small" }', then: end }
        - large: { set: '${ "large" }', then: end }
      """
    And given the workflow input is:
      """yaml
      size: 11
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      large
      """
    And small should not run

  Scenario: Without a match the task's own then is followed
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - never: { when: 'false', then: wrong }
            then: right
        - wrong: { set: '${ "wrong" }', then: end }
        - right: { set: '${ "right" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      right
      """

  Scenario: Without a match and without a then the next task follows
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - never: { when: 'false', then: end }
        - next: { set: '${ "next" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      next
      """

  Scenario: The default case is the last one to be looked at, wherever it stands
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - otherwise: { then: wrong }
              - matching: { when: .go, then: right }
        - wrong: { set: '${ "wrong" }', then: end }
        - right: { set: '${ "right" }' }
      """
    And given the workflow input is:
      """yaml
      go: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      right
      """

  Scenario: A case may end the workflow
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - done: { when: .done, then: end }
        - more: { set: '${ "more" }' }
      """
    And given the workflow input is:
      """yaml
      done: true
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      done: true
      """
    And more should not run

  Scenario: A case may leave the list
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - choose:
                  switch:
                    - always: { then: exit }
              - inner: { set: '${ "inner" }' }
        - after: { set: '${ "after" }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      after
      """
    And inner should not run

  Scenario: A condition that fails faults the switch
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - broken: { when: '.a + 1 > 0', then: end }
      """
    And given the workflow input is:
      """yaml
      a: text
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/choose
      """

  Scenario: Two cases without a condition are rejected
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - one: { then: end }
              - two: { then: exit }
      """
    Then the workflow definition should be rejected with "wrong-value" at "/do/0/choose/switch/1/two"

  Scenario: A case without a then is rejected
    Given a workflow with definition:
      """yaml
      do:
        - choose:
            switch:
              - one: { when: .go }
      """
    Then the workflow definition should be rejected with "missing-property" at "/do/0/choose/switch/0/one"

  Scenario: A case that names a task of another list is rejected
    Given a workflow with definition:
      """yaml
      do:
        - outer:
            do:
              - choose:
                  switch:
                    - one: { then: after }
        - after: { set: '${ "after" }' }
      """
    Then the workflow definition should be rejected with "unknown-task" at "/do/0/outer/do/0/choose/switch/0/one/then"
