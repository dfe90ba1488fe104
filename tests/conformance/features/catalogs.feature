Feature: Catalogs
  A catalog is a folder that the operator of the host names, by the endpoint that documents know it by.

  Scenario: A function of a catalog is called by name and version
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          public: { endpoint: https://example.com/catalog }
      do:
        - one: { call: shout:1.0.0@public, with: { text: '${ .word }' } }
      """
    And given the workflow input is:
      """yaml
      word: hello
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      HELLO
      """

  Scenario: Another version is another function
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          public: { endpoint: { uri: https://example.com/catalog/ } }
      do:
        - one: { call: shout:2.0.0@public, with: { text: hello } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      HELLO!
      """

  Scenario: Arguments that the function does not accept fault the call
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          public: { endpoint: https://example.com/catalog }
      do:
        - one: { call: shout:1.0.0@public, with: { word: hello } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://open-workflow-specification.org/spec/1.0.0/errors/validation
      status: 400
      instance: /do/0/one
      """

  Scenario: An error inside has the pointer of the call
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          public: { endpoint: https://example.com/catalog }
      do:
        - one: { call: refuse:1.0.0@public }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      type: https://example.com/errors/refused
      status: 422
      title: Refused
      instance: /do/0/one
      """

  Scenario: A catalog of the name default stands before the host's own
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          default: { endpoint: https://example.com/catalog }
      do:
        - one: { call: shout:1.0.0@default, with: { text: hello } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      HELLO
      """

  Scenario: A function is called by its address
    Given a workflow with definition:
      """yaml
      do:
        - one: { call: 'https://example.com/catalog/functions/shout/1.0.0/function.yaml', with: { text: hello } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      HELLO
      """

  Scenario Outline: <what> is not deployable
    Given a workflow with definition:
      """yaml
      use:
        catalogs:
          public: { endpoint: <endpoint> }
      do:
        - one: { call: <call>, with: { text: hello } }
      """
    Then the workflow definition should be rejected with "<code>" at "/do/0/one/call"

    Examples:
      | what                                 | endpoint                    | call                 | code              |
      | a function that is not there         | https://example.com/catalog | whisper:1.0.0@public | unknown-function  |
      | a version that is not there          | https://example.com/catalog | shout:9.0.0@public   | unknown-function  |
      | a call without a version             | https://example.com/catalog | shout@public         | unknown-function  |
      | a catalog that the host has not      | https://example.com/other   | shout:1.0.0@public   | unknown-function  |
      | a function that has a mistake        | https://example.com/catalog | broken:1.0.0@public  | unknown-function  |
      | a catalog that `use` does not define | https://example.com/catalog | shout:1.0.0@private  | unknown-reference |
