# Bodies that are refused: problems 7, 8, 9 and 10.
mira: astra.role.member owner=mira

>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/7","title":"Invalid JSON payload","detail":"The request body is not JSON: EOF while parsing an object at line 1 column 1.","status":"400","correlationID":"$uuid1"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

[]

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid2","schemaValidationFailure":"the body must be an object"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid3","schemaValidationFailure":"name is missing"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"version": "1.0", "name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid4","schemaValidationFailure":"type is missing"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": 1.0, "name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid5","schemaValidationFailure":"version must be the string \"1.0\""}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": ""}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid6","schemaValidationFailure":"name has 0 characters; 1 to 63 are allowed"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid7","schemaValidationFailure":"name has 64 characters; 1 to 63 are allowed"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": 7}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid8","schemaValidationFailure":"name must be a string"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "extra": 1}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid9","schemaValidationFailure":"\"extra\" is not allowed here"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "token": "eHh4"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid10","schemaValidationFailure":"\"token\" is not allowed here"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "id": "6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid11","schemaValidationFailure":"\"id\" is not allowed here"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": []}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid12","schemaValidationFailure":"metadata must be an object"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": {"labels": [{"name": "a"}]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid13","schemaValidationFailure":"metadata.labels[0].value is missing"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": {"labels": [{"name": "a", "value": "1"}, {"name": "a", "value": "1"}]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid14","schemaValidationFailure":"metadata.labels[1] has the name of an earlier label"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": {"creationTimestamp": "yesterday"}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid15","schemaValidationFailure":"metadata.creationTimestamp must be a date such as $time"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "<script>"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid16","invalidFields":[{"name":"name","reason":"must be printable ASCII without < > ; ' \" \\ ` and without ../"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "it's"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid17","invalidFields":[{"name":"name","reason":"must be printable ASCII without < > ; ' \" \\ ` and without ../"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "../etc"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid18","invalidFields":[{"name":"name","reason":"must be printable ASCII without < > ; ' \" \\ ` and without ../"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "\u00e9"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid19","invalidFields":[{"name":"name","reason":"must be printable ASCII without < > ; ' \" \\ ` and without ../"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": {"labels": [{"name": "", "value": "1"}]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid20","invalidFields":[{"name":"metadata.labels","reason":"a key is empty"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "x", "metadata": {"labels": [{"name": "k0", "value": ""}, {"name": "k1", "value": ""}, {"name": "k2", "value": ""}, {"name": "k3", "value": ""}, {"name": "k4", "value": ""}, {"name": "k5", "value": ""}, {"name": "k6", "value": ""}, {"name": "k7", "value": ""}, {"name": "k8", "value": ""}, {"name": "k9", "value": ""}, {"name": "k10", "value": ""}, {"name": "k11", "value": ""}, {"name": "k12", "value": ""}, {"name": "k13", "value": ""}, {"name": "k14", "value": ""}, {"name": "k15", "value": ""}, {"name": "k16", "value": ""}, {"name": "k17", "value": ""}, {"name": "k18", "value": ""}, {"name": "k19", "value": ""}, {"name": "k20", "value": ""}, {"name": "k21", "value": ""}, {"name": "k22", "value": ""}, {"name": "k23", "value": ""}, {"name": "k24", "value": ""}, {"name": "k25", "value": ""}, {"name": "k26", "value": ""}, {"name": "k27", "value": ""}, {"name": "k28", "value": ""}, {"name": "k29", "value": ""}, {"name": "k30", "value": ""}, {"name": "k31", "value": ""}, {"name": "k32", "value": ""}, {"name": "k33", "value": ""}, {"name": "k34", "value": ""}, {"name": "k35", "value": ""}, {"name": "k36", "value": ""}, {"name": "k37", "value": ""}, {"name": "k38", "value": ""}, {"name": "k39", "value": ""}, {"name": "k40", "value": ""}, {"name": "k41", "value": ""}, {"name": "k42", "value": ""}, {"name": "k43", "value": ""}, {"name": "k44", "value": ""}, {"name": "k45", "value": ""}, {"name": "k46", "value": ""}, {"name": "k47", "value": ""}, {"name": "k48", "value": ""}, {"name": "k49", "value": ""}, {"name": "k50", "value": ""}, {"name": "k51", "value": ""}, {"name": "k52", "value": ""}, {"name": "k53", "value": ""}, {"name": "k54", "value": ""}, {"name": "k55", "value": ""}, {"name": "k56", "value": ""}, {"name": "k57", "value": ""}, {"name": "k58", "value": ""}, {"name": "k59", "value": ""}, {"name": "k60", "value": ""}, {"name": "k61", "value": ""}, {"name": "k62", "value": ""}, {"name": "k63", "value": ""}, {"name": "k64", "value": ""}]}}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid21","invalidFields":[{"name":"metadata.labels","reason":"has 65 entries; at most 64 are allowed"}]}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/7","title":"Invalid JSON payload","detail":"The request body is not JSON: EOF while parsing a value at line 1 column 0.","status":"400","correlationID":"$uuid22"}
>>>
POST /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens HTTP/1.1
Authorization: Bearer $mira
Content-Type: application/x-www-form-urlencoded

name=x

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/12","title":"Invalid headers","detail":"A request header has a value it cannot have.","status":"400","correlationID":"$uuid23","invalidParams":[{"name":"Content-Type","reason":"must be application/astra-token+json or application/json"}]}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "id": "6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f"}

<<<
HTTP/1.1 409 Conflict
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/10","title":"JSON resource conflict","detail":"A field of the request body contradicts the token or its place.","status":"409","correlationID":"$uuid24","invalidFields":[{"name":"id","reason":"is not that of the path"}]}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "userID": "c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302"}

<<<
HTTP/1.1 409 Conflict
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/10","title":"JSON resource conflict","detail":"A field of the request body contradicts the token or its place.","status":"409","correlationID":"$uuid25","invalidFields":[{"name":"userID","reason":"is not that of the path"}]}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "token": "eHh4"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid26","schemaValidationFailure":"\"token\" is not allowed here"}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"type": "application/astra-token", "version": "1.0", "name": "a;b"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/9","title":"Invalid JSON resource","detail":"A field of the request body has a value that is not allowed.","status":"400","correlationID":"$uuid27","invalidFields":[{"name":"name","reason":"must be printable ASCII without < > ; ' \" \\ ` and without ../"}]}
>>>
PUT /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens/$mira_id HTTP/1.1
Authorization: Bearer $mira
accept: application/astra-token+json
Content-Type: application/astra-token+json

{"name": "x"}

<<<
HTTP/1.1 400 Bad Request
cache-control: no-store
content-type: application/problem+json
x-content-type-options: nosniff

{"type":"https://astra.netapp.io/problems/8","title":"Invalid JSON resource","detail":"The request body does not follow the schema of a token.","status":"400","correlationID":"$uuid28","schemaValidationFailure":"type is missing"}
>>>
GET /accounts/3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f/core/v1/users/8d4e2b16-70f3-4c59-a1de-53b7c0e9f264/tokens?include=name HTTP/1.1
Authorization: Bearer $mira

<<<
HTTP/1.1 200 OK
cache-control: no-store
content-type: application/json
etag: "$tag"
x-content-type-options: nosniff

{"type":"application/astra-tokens","version":"1.0","items":[["mira"]],"metadata":{"labels":[],"creationTimestamp":"$time","modificationTimestamp":"$time","createdBy":"8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"}}
