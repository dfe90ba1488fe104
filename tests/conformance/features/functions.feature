Feature: Functions
  A task under `use.functions` is called by its name, with arguments as its input.

  Scenario: The arguments are the input of the function, and its output is that of the call
    Given a workflow with definition:
      """yaml
      use:
        functions:
          double: { set: '${ .n * 2 }' }
      do:
        - one: { call: double, with: { n: '${ .x + 1 }' } }
      """
    And given the workflow input is:
      """yaml
      x: 4
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      10
      """

  Scenario: A call without arguments gives the function an empty object
    Given a workflow with definition:
      """yaml
      use:
        functions:
          look: { set: '${ [.] }' }
      do:
        - one: { call: look }
      """
    And given the workflow input is:
      """yaml
      x: 4
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [{}]
      """

  Scenario: The function's own input and output, then those of the call
    Given a workflow with definition:
      """yaml
      use:
        functions:
          double:
            input: { from: .n }
            set: '${ . * 2 }'
            output: { as: '{ doubled: . }' }
      do:
        - one:
            input: { from: .inner }
            call: double
            with: { n: '${ .x }' }
            output: { as: .doubled + 1 }
      """
    And given the workflow input is:
      """yaml
      inner: { x: 5 }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      11
      """

  Scenario: A function may be a list of tasks
    Given a workflow with definition:
      """yaml
      use:
        functions:
          both:
            do:
              - first: { set: { n: '${ .n + 1 }' } }
              - second: { set: { n: '${ .n * 10 }' } }
      do:
        - one: { call: both, with: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      n: 20
      """
    And first should run before second

  Scenario: A function calls another
    Given a workflow with definition:
      """yaml
      use:
        functions:
          increment: { set: '${ .n + 1 }' }
          twice:
            do:
              - first: { call: increment, with: { n: '${ .n }' } }
              - second: { call: increment, with: { n: '${ . }' } }
      do:
        - one: { call: twice, with: { n: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      3
      """

  Scenario: A function is called several times
    Given a workflow with definition:
      """yaml
      use:
        functions:
          add: { set: '${ .a + .b }' }
      do:
        - loop:
            for: { in: '[1, 2, 3]' }
            do:
              - add: { call: add, with: { a: '${ .sum // 0 }', b: '${ $item }' }, output: { as: '{ sum: . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      sum: 6
      """

  Scenario: A function calls a plugin
    Given the plugin greet is registered
    And a workflow with definition:
      """yaml
      use:
        functions:
          welcome: { call: greet:0.1.0@default, with: { name: '${ .who }' } }
      do:
        - one: { call: welcome, with: { who: Ada } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      text: Hello, Ada!
      """

  Scenario: A function comes before a plugin of the same name
    Given the plugin greet is registered
    And a workflow with definition:
      """yaml
      use:
        functions:
          greet: { set: { from: function } }
      do:
        - one: { call: greet, with: { name: Ada } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      from: function
      """

  Scenario: An error inside has the pointer of the function
    Given a workflow with definition:
      """yaml
      use:
        functions:
          broken: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      do:
        - one: { call: broken }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /use/functions/broken
      """
    And one should fault

  Scenario: An error deep inside has the pointer of the task that failed
    Given a workflow with definition:
      """yaml
      use:
        functions:
          broken:
            do:
              - fine: { set: { n: 1 } }
              - bad: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      do:
        - one: { call: broken }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/bad
      status: 422
      title: Bad
      instance: /use/functions/broken/do/1/bad
      """

  Scenario: An error of a function is caught around the call
    Given a workflow with definition:
      """yaml
      use:
        functions:
          broken: { raise: { error: { type: https://example.com/errors/bad, status: 422, title: Bad } } }
      do:
        - guarded:
            try:
              - one: { call: broken }
            catch:
              errors: { with: { status: 422 } }
              do:
                - handle: { set: '${ $error.title }' }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      Bad
      """

  Scenario: Arguments that fail are an error of the call
    Given a workflow with definition:
      """yaml
      use:
        functions:
          double: { set: '${ .n * 2 }' }
      do:
        - one: { call: double, with: { n: '${ .x + 1 }' } }
      """
    And given the workflow input is:
      """yaml
      x: text
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/expression
      status: 400
      instance: /do/0/one
      """

  Scenario: A timeout of the call interrupts the function
    Given a workflow with definition:
      """yaml
      use:
        functions:
          slow: { wait: { hours: 1 } }
      do:
        - one: { call: slow, timeout: { after: PT0.1S } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
      status: 408
      instance: /do/0/one
      """

  Scenario: A cancelled workflow cancels the function
    Given a workflow with definition:
      """yaml
      use:
        functions:
          slow: { do: [ { pause: { wait: { hours: 1 } } } ] }
      do:
        - one: { call: slow }
      """
    When the workflow is executed
    And the workflow is cancelled while pause runs
    Then the workflow should be cancelled
    And pause should be cancelled
    And one should be cancelled

  Scenario: A function sees no variable of what is around its call
    Given a workflow with definition:
      """yaml
      use:
        functions:
          peek: { set: '${ $item }' }
      do:
        - loop:
            for: { in: '[1]' }
            do:
              - one: { call: peek }
      """
    Then the workflow definition should be rejected with "wrong-expression" at "/use/functions/peek/set"

  Scenario: A function with a mistake is rejected even if nothing calls it
    Given a workflow with definition:
      """yaml
      use:
        functions:
          broken: { wiat: PT1S }
      do:
        - one: { set: { n: 1 } }
      """
    Then the workflow definition should be rejected with "unknown-property" at "/use/functions/broken/wiat"
