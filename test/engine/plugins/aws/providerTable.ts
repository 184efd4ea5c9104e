/**
 * What the provider asks of each argument of each resource type that the program declares: facts of its schemas, under
 * Pulumi's names. hashicorp/terraform-provider-aws at 5f2286d6d836c1969afcf1b5b8f48194644295c6 (after 6.47.1, 2026-06-02);
 * each type's file beside its name. That is older than what @pulumi/aws 7.48.0 brings: of `instanceLifecyclePolicy` the
 * SDK's own documentation is what there is.
 *
 * A type's line: Pulumi's token, the provider's name, its file. An argument's: path, then whether it must be there, is
 * computed where it is not, and replaces the resource (`forceNew`; `forceNewIf`: by a rule of the type's CustomizeDiff,
 * see `replacedBy`), then what values may be. Blocks that the program does not set are named, and not what is in them.
 */
export const providerTable = String.raw`
aws:acm/certificate:Certificate aws_acm_certificate internal/service/acm/certificate.go
  certificateAuthorityArn | optional forceNew | ARN
  certificateBody | optional
  certificateChain | optional
  domainName | optional computed forceNew | not \.$
  earlyRenewalDuration | optional
  keyAlgorithm | optional computed forceNew | one of RSA_1024|RSA_2048|RSA_3072|RSA_4096|EC_prime256v1|EC_secp384r1|EC_secp521r1
  options | optional computed
  privateKey | optional
  privateKeyWo | optional
  privateKeyWoVersion | optional
  subjectAlternativeNames | optional computed forceNew | each length 1..253 | not \.$
  tags | optional
  validationMethod | optional computed forceNew | one of EMAIL|DNS|HTTP
  validationOptions | optional forceNew

aws:acm/certificateValidation:CertificateValidation aws_acm_certificate_validation internal/service/acm/certificate_validation.go
  certificateArn | required forceNew
  validationRecordFqdns | optional forceNew

aws:autoscaling/group:Group aws_autoscaling_group internal/service/autoscaling/group.go
  availabilityZoneDistribution | optional computed
  availabilityZones | optional computed
  capacityRebalance | optional
  capacityReservationSpecification | optional computed
  context | optional
  defaultCooldown | optional computed
  defaultInstanceWarmup | optional
  desiredCapacity | optional computed
  desiredCapacityType | optional
  enabledMetrics | optional
  forceDelete | optional default=false
  forceDeleteWarmPool | optional default=false
  healthCheckGracePeriod | optional default=300
  healthCheckType | optional computed
  ignoreFailedScalingActivities | optional default=false
  initialLifecycleHooks | optional forceNew
  initialLifecycleHooks.defaultResult | optional computed forceNew | one of CONTINUE|ABANDON
  initialLifecycleHooks.heartbeatTimeout | optional forceNew | between 30..7200
  initialLifecycleHooks.lifecycleTransition | required forceNew | one of autoscaling:EC2_INSTANCE_LAUNCHING|autoscaling:EC2_INSTANCE_TERMINATING
  initialLifecycleHooks.name | required forceNew | length 1..255 | matches [A-Za-z0-9\-_\/]+
  initialLifecycleHooks.notificationMetadata | optional forceNew
  initialLifecycleHooks.notificationTargetArn | optional forceNew | ARN
  initialLifecycleHooks.roleArn | optional forceNew | ARN
  instanceLifecyclePolicy | optional
  instanceLifecyclePolicy.retentionTriggers | required
  instanceLifecyclePolicy.retentionTriggers.terminateHookAbandon | required | one of retain|terminate
  instanceMaintenancePolicy | optional
  instanceRefresh | optional
  launchConfiguration | optional
  launchTemplate | optional computed
  launchTemplate.id | optional computed | length 1..255 | matches ^lt-[a-z0-9]+$
  launchTemplate.name | optional computed | length 3..128 | matches ^[0-9A-Za-z()./_-]+$
  launchTemplate.version | optional computed | length 1..255
  loadBalancers | optional computed
  maxInstanceLifetime | optional
  maxSize | required
  metricsGranularity | optional
  minElbCapacity | optional
  minSize | required
  mixedInstancesPolicy | optional computed
  mixedInstancesPolicy.instancesDistribution | optional computed
  mixedInstancesPolicy.instancesDistribution.onDemandAllocationStrategy | optional computed
  mixedInstancesPolicy.instancesDistribution.onDemandBaseCapacity | optional computed | between 0..
  mixedInstancesPolicy.instancesDistribution.onDemandPercentageAboveBaseCapacity | optional computed | between 0..100
  mixedInstancesPolicy.instancesDistribution.spotAllocationStrategy | optional computed
  mixedInstancesPolicy.instancesDistribution.spotInstancePools | optional computed | between 0..
  mixedInstancesPolicy.instancesDistribution.spotMaxPrice | optional
  mixedInstancesPolicy.launchTemplate | required
  mixedInstancesPolicy.launchTemplate.launchTemplateSpecification | required
  mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId | optional computed
  mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateName | optional computed
  mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version | optional computed
  mixedInstancesPolicy.launchTemplate.overrides | optional computed
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorCount | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorCount.max | optional | between 0..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorCount.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorManufacturers | optional | each one of nvidia|amd|amazon-web-services|xilinx
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorNames | optional | each one of a100|v100|k80|t4|m60|radeon-pro-v520|vu9p
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorTotalMemoryMib | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorTotalMemoryMib.max | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorTotalMemoryMib.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.acceleratorTypes | optional | each one of gpu|fpga|inference
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.allowedInstanceTypes | optional | items ..400
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.bareMetal | optional | one of included|excluded|required
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.baselineEbsBandwidthMbps | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.baselineEbsBandwidthMbps.max | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.baselineEbsBandwidthMbps.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.burstablePerformance | optional | one of included|excluded|required
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.cpuManufacturers | optional | each one of intel|amd|amazon-web-services|apple
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.excludedInstanceTypes | optional | items ..400
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.instanceGenerations | optional | each one of current|previous
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.localStorage | optional | one of included|excluded|required
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.localStorageTypes | optional | each one of hdd|ssd
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.maxSpotPriceAsPercentageOfOptimalOnDemandPrice | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryGibPerVcpu | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryGibPerVcpu.max | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryGibPerVcpu.min | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryMib | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryMib.max | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.memoryMib.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkBandwidthGbps | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkBandwidthGbps.max | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkBandwidthGbps.min | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkInterfaceCount | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkInterfaceCount.max | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.networkInterfaceCount.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.onDemandMaxPricePercentageOverLowestPrice | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.requireHibernateSupport | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.spotMaxPricePercentageOverLowestPrice | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.totalLocalStorageGb | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.totalLocalStorageGb.max | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.totalLocalStorageGb.min | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.vcpuCount | optional
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.vcpuCount.max | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceRequirements.vcpuCount.min | optional | between 1..
  mixedInstancesPolicy.launchTemplate.overrides.instanceType | optional
  mixedInstancesPolicy.launchTemplate.overrides.launchTemplateSpecification | optional
  mixedInstancesPolicy.launchTemplate.overrides.launchTemplateSpecification.launchTemplateId | optional computed
  mixedInstancesPolicy.launchTemplate.overrides.launchTemplateSpecification.launchTemplateName | optional computed
  mixedInstancesPolicy.launchTemplate.overrides.launchTemplateSpecification.version | optional computed
  mixedInstancesPolicy.launchTemplate.overrides.weightedCapacity | optional | matches ^[1-9][0-9]{0,2}$
  name | optional computed forceNew | length 0..255
  namePrefix | optional computed forceNew
  placementGroup | optional
  protectFromScaleIn | optional default=false
  serviceLinkedRoleArn | optional computed
  suspendedProcesses | optional
  tags | optional
  tags.key | required
  tags.propagateAtLaunch | required
  tags.value | required
  targetGroupArns | optional computed
  terminationPolicies | optional
  trafficSources | optional computed
  vpcZoneIdentifiers | optional computed
  waitForCapacityTimeout | optional default=10m | duration
  waitForElbCapacity | optional
  warmPool | optional

aws:autoscaling/lifecycleHook:LifecycleHook aws_autoscaling_lifecycle_hook internal/service/autoscaling/lifecycle_hook.go
  autoscalingGroupName | required
  defaultResult | optional computed | one of CONTINUE|ABANDON
  heartbeatTimeout | optional | between 30..7200
  lifecycleTransition | required | one of autoscaling:EC2_INSTANCE_LAUNCHING|autoscaling:EC2_INSTANCE_TERMINATING
  name | required forceNew | length 1..255 | matches [A-Za-z0-9\-_\/]+
  notificationMetadata | optional
  notificationTargetArn | optional | ARN
  roleArn | optional | ARN

aws:autoscaling/policy:Policy aws_autoscaling_policy internal/service/autoscaling/policy.go
  adjustmentType | optional
  autoscalingGroupName | required forceNew
  cooldown | optional
  enabled | optional default=true
  estimatedInstanceWarmup | optional
  metricAggregationType | optional computed
  minAdjustmentMagnitude | optional | between 1..
  name | required forceNew
  policyType | optional | one of SimpleScaling|StepScaling|TargetTrackingScaling|PredictiveScaling
  predictiveScalingConfiguration | optional
  scalingAdjustment | optional
  stepAdjustments | optional
  targetTrackingConfiguration | optional
  targetTrackingConfiguration.customizedMetricSpecification | optional
  targetTrackingConfiguration.customizedMetricSpecification.metricDimensions | optional
  targetTrackingConfiguration.customizedMetricSpecification.metricDimensions.name | required
  targetTrackingConfiguration.customizedMetricSpecification.metricDimensions.value | required
  targetTrackingConfiguration.customizedMetricSpecification.metricName | optional
  targetTrackingConfiguration.customizedMetricSpecification.metrics | optional
  targetTrackingConfiguration.customizedMetricSpecification.metrics.expression | optional | length 1..2047
  targetTrackingConfiguration.customizedMetricSpecification.metrics.id | required | length 1..255
  targetTrackingConfiguration.customizedMetricSpecification.metrics.label | optional | length 1..2047
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat | optional
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric | required
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric.dimensions | optional
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric.dimensions.name | required
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric.dimensions.value | required
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric.metricName | required
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.metric.namespace | required
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.period | optional | one of 10|30|60
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.stat | required | length 1..100
  targetTrackingConfiguration.customizedMetricSpecification.metrics.metricStat.unit | optional
  targetTrackingConfiguration.customizedMetricSpecification.metrics.returnData | optional default=true
  targetTrackingConfiguration.customizedMetricSpecification.namespace | optional
  targetTrackingConfiguration.customizedMetricSpecification.period | optional | one of 10|30|60
  targetTrackingConfiguration.customizedMetricSpecification.statistic | optional
  targetTrackingConfiguration.customizedMetricSpecification.unit | optional
  targetTrackingConfiguration.disableScaleIn | optional default=false
  targetTrackingConfiguration.predefinedMetricSpecification | optional
  targetTrackingConfiguration.predefinedMetricSpecification.predefinedMetricType | required
  targetTrackingConfiguration.predefinedMetricSpecification.resourceLabel | optional
  targetTrackingConfiguration.targetValue | required

aws:autoscaling/schedule:Schedule aws_autoscaling_schedule internal/service/autoscaling/schedule.go
  autoscalingGroupName | required forceNew
  desiredCapacity | optional computed
  endTime | optional computed
  maxSize | optional computed
  minSize | optional computed
  recurrence | optional computed
  scheduledActionName | required forceNew
  startTime | optional computed
  timeZone | optional computed

aws:cloudwatch/eventRule:EventRule aws_cloudwatch_event_rule internal/service/events/rule.go
  description | optional | length 0..512
  eventBusName | optional forceNew
  eventPattern | optional | length 0..4096 | JSON
  forceDestroy | optional default=false
  isEnabled | optional
  name | optional computed forceNew | length 1..64 | matches ^[0-9A-Za-z_.-]+$
  namePrefix | optional computed forceNew | length 1..64 | matches ^[0-9A-Za-z_.-]+$
  roleArn | optional | ARN
  scheduleExpression | optional | length 0..256
  state | optional | one of ENABLED|DISABLED|ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS
  tags | optional

aws:cloudwatch/eventTarget:EventTarget aws_cloudwatch_event_target internal/service/events/target.go
  appsyncTarget | optional
  arn | required | ARN
  batchTarget | optional
  deadLetterConfig | optional
  ecsTarget | optional
  eventBusName | optional forceNew
  forceDestroy | optional default=false
  httpTarget | optional
  input | optional | JSON | length 0..8192
  inputPath | optional | length 0..256
  inputTransformer | optional
  kinesisTarget | optional
  redshiftTarget | optional
  retryPolicy | optional
  roleArn | optional | ARN
  rule | required forceNew | length 1..64 | matches ^[0-9A-Za-z_.-]+$
  runCommandTargets | optional | items ..5
  sagemakerPipelineTarget | optional
  sqsTarget | optional
  targetId | optional computed forceNew | length 0..64 | matches ^[0-9A-Za-z_.-]+$

aws:cloudwatch/dashboard:Dashboard aws_cloudwatch_dashboard internal/service/cloudwatch/dashboard.go
  dashboardBody | required
  dashboardName | required forceNew | length ..255 | matches ^[-_A-Za-z0-9]+$

aws:cloudwatch/logGroup:LogGroup aws_cloudwatch_log_group internal/service/logs/group.go
  deletionProtectionEnabled | optional computed
  kmsKeyId | optional
  logGroupClass | optional computed forceNew | one of STANDARD|INFREQUENT_ACCESS|DELIVERY
  name | optional computed forceNew | length 0..512 | matches ^[0-9A-Za-z_./#-]+$
  namePrefix | optional computed forceNew
  retentionInDays | optional default=0 | one of 0|1|3|5|7|14|30|60|90|120|150|180|365|400|545|731|1096|1827|2192|2557|2922|3288|3653
  skipDestroy | optional default=false
  tags | optional

aws:cloudwatch/metricAlarm:MetricAlarm aws_cloudwatch_metric_alarm internal/service/cloudwatch/metric_alarm.go
  actionsEnabled | optional default=true
  alarmActions | optional | each ARN
  alarmDescription | optional | length 0..1024
  comparisonOperator | optional | one of GreaterThanOrEqualToThreshold|GreaterThanThreshold|LessThanThreshold|LessThanOrEqualToThreshold|LessThanLowerOrGreaterThanUpperThreshold|LessThanLowerThreshold|GreaterThanUpperThreshold
  datapointsToAlarm | optional | between 1..
  dimensions | optional
  evaluateLowSampleCountPercentiles | optional computed | one of evaluate|ignore
  evaluationCriteria | optional
  evaluationInterval | optional | one of 10|20|30, or a multiple of 60
  evaluationPeriods | optional | between 1..
  extendedStatistic | optional
  insufficientDataActions | optional | items ..5 | each ARN
  metricName | optional | length 1..255
  metricQueries | optional
  name | required forceNew | length 1..255
  namespace | optional | length 1..255 | matches [^:].*
  okActions | optional | items ..5 | each ARN
  period | optional | one of 10|20|30, or a multiple of 60
  statistic | optional | one of SampleCount|Average|Sum|Minimum|Maximum
  tags | optional
  threshold | optional
  thresholdMetricId | optional | length 1..255
  treatMissingData | optional | one of breaching|ignore|missing|notBreaching
  unit | optional | one of Seconds|Microseconds|Milliseconds|Bytes|Kilobytes|Megabytes|Gigabytes|Terabytes|Bits|Kilobits|Megabits|Gigabits|Terabits|Percent|Count|Bytes/Second|Kilobytes/Second|Megabytes/Second|Gigabytes/Second|Terabytes/Second|Bits/Second|Kilobits/Second|Megabits/Second|Gigabits/Second|Terabits/Second|Count/Second|None

aws:dynamodb/table:Table aws_dynamodb_table internal/service/dynamodb/table.go
  attributes | optional computed
  attributes.name | required
  attributes.type | required | one of S|N|B
  billingMode | optional | one of PROVISIONED|PAY_PER_REQUEST
  deletionProtectionEnabled | optional
  globalSecondaryIndexes | optional computed
  globalTableWitness | optional computed
  hashKey | optional computed forceNew
  importTable | optional
  localSecondaryIndexes | optional forceNew
  name | required forceNew
  onDemandThroughput | optional
  pointInTimeRecovery | optional computed
  rangeKey | optional forceNew
  readCapacity | optional computed
  replicas | optional
  restoreBackupArn | optional | ARN
  restoreDateTime | optional forceNew
  restoreSourceName | optional
  restoreSourceTableArn | optional | ARN
  restoreToLatestTime | optional forceNew
  serverSideEncryption | optional computed
  serverSideEncryption.enabled | required
  serverSideEncryption.kmsKeyArn | optional computed | ARN
  streamEnabled | optional
  streamViewType | optional computed
  tableClass | optional | one of STANDARD|STANDARD_INFREQUENT_ACCESS
  tags | optional
  ttl | optional computed
  warmThroughput | optional computed
  writeCapacity | optional computed

aws:ec2/defaultSecurityGroup:DefaultSecurityGroup aws_default_security_group internal/service/ec2/vpc_default_security_group.go
  egress | optional
  ingress | optional
  revokeRulesOnDelete | optional default=false
  tags | optional
  vpcId | optional computed forceNew

aws:ec2/eip:Eip aws_eip internal/service/ec2/ec2_eip.go
  address | optional forceNew
  associateWithPrivateIp | optional
  customerOwnedIpv4Pool | optional
  domain | optional computed forceNew | one of vpc|standard
  instance | optional computed
  ipamPoolId | optional computed forceNew
  networkBorderGroup | optional computed forceNew
  networkInterface | optional computed
  publicIpv4Pool | optional computed forceNew
  tags | optional

aws:ec2/flowLog:FlowLog aws_flow_log internal/service/ec2/vpc_flow_log.go
  deliverCrossAccountRole | optional forceNew | ARN
  destinationOptions | optional forceNew
  eniId | optional forceNew
  iamRoleArn | optional forceNew | ARN
  logDestination | optional computed forceNew | ARN
  logDestinationType | optional forceNew | one of cloud-watch-logs|s3|kinesis-data-firehose
  logFormat | optional computed forceNew
  maxAggregationInterval | optional forceNew default=600 | one of 60|600
  regionalNatGatewayId | optional forceNew
  subnetId | optional forceNew
  tags | optional
  trafficType | optional forceNew | one of ACCEPT|REJECT|ALL
  transitGatewayAttachmentId | optional forceNew
  transitGatewayId | optional forceNew
  vpcId | optional forceNew

aws:ec2/instance:Instance aws_instance internal/service/ec2/ec2_instance.go
  ami | optional computed forceNew
  associatePublicIpAddress | optional computed forceNew
  availabilityZone | optional computed forceNew
  capacityReservationSpecification | optional computed
  cpuOptions | optional computed
  creditSpecification | optional
  disableApiStop | optional computed
  disableApiTermination | optional computed
  ebsBlockDevices | optional computed
  ebsOptimized | optional computed forceNew
  enablePrimaryIpv6 | optional computed
  enclaveOptions | optional computed
  ephemeralBlockDevices | optional computed forceNew
  forceDestroy | optional default=false
  getPasswordData | optional default=false
  hibernation | optional forceNew
  hostId | optional computed forceNew
  hostResourceGroupArn | optional computed
  iamInstanceProfile | optional computed
  instanceInitiatedShutdownBehavior | optional computed
  instanceMarketOptions | optional computed forceNew
  instanceType | optional computed forceNewIf
  ipv6AddressCount | optional computed
  ipv6Addresses | optional computed forceNewIf | each IPv6
  keyName | optional computed forceNew
  launchTemplate | optional forceNew
  maintenanceOptions | optional computed
  maintenanceOptions.autoRecovery | optional computed | one of disabled|default
  metadataOptions | optional computed
  metadataOptions.httpEndpoint | optional | one of disabled|enabled
  metadataOptions.httpProtocolIpv6 | optional | one of disabled|enabled
  metadataOptions.httpPutResponseHopLimit | optional computed | between 1..64
  metadataOptions.httpTokens | optional computed | one of optional|required
  metadataOptions.instanceMetadataTags | optional computed | one of disabled|enabled
  monitoring | optional computed
  networkInterfaces | optional computed
  placementGroup | optional computed forceNew
  placementGroupId | optional computed forceNew
  placementPartitionNumber | optional computed forceNew
  primaryNetworkInterface | optional computed
  primaryNetworkInterface.networkInterfaceId | required forceNew
  privateDnsNameOptions | optional computed forceNew
  privateIp | optional computed forceNew | IPv4
  rootBlockDevice | optional computed
  rootBlockDevice.deleteOnTermination | optional default=true
  rootBlockDevice.encrypted | optional computed forceNew
  rootBlockDevice.iops | optional computed
  rootBlockDevice.kmsKeyId | optional computed forceNew
  rootBlockDevice.tags | optional
  rootBlockDevice.throughput | optional computed
  rootBlockDevice.volumeSize | optional computed
  rootBlockDevice.volumeType | optional computed | one of standard|io1|io2|gp2|sc1|st1|gp3
  secondaryNetworkInterfaces | optional computed
  secondaryPrivateIps | optional computed | each IPv4
  securityGroups | optional computed forceNew
  sourceDestCheck | optional default=true
  subnetId | optional computed forceNew
  tags | optional
  tenancy | optional computed forceNew | one of default|dedicated|host
  userData | optional forceNewIf | length 0..16384
  userDataBase64 | optional computed | base64
  userDataReplaceOnChange | optional default=false
  volumeTags | optional
  vpcSecurityGroupIds | optional computed

aws:ec2/internetGateway:InternetGateway aws_internet_gateway internal/service/ec2/vpc_internet_gateway.go
  tags | optional
  vpcId | optional computed

aws:ec2/launchTemplate:LaunchTemplate aws_launch_template internal/service/ec2/ec2_launch_template.go
  blockDeviceMappings | optional
  blockDeviceMappings.deviceName | optional
  blockDeviceMappings.ebs | optional
  blockDeviceMappings.ebs.deleteOnTermination | optional | one of true|false
  blockDeviceMappings.ebs.encrypted | optional | one of true|false
  blockDeviceMappings.ebs.iops | optional computed
  blockDeviceMappings.ebs.kmsKeyId | optional
  blockDeviceMappings.ebs.snapshotId | optional
  blockDeviceMappings.ebs.throughput | optional computed | between 125..2000
  blockDeviceMappings.ebs.volumeInitializationRate | optional computed | between 100..300
  blockDeviceMappings.ebs.volumeSize | optional computed
  blockDeviceMappings.ebs.volumeType | optional computed | one of standard|io1|io2|gp2|sc1|st1|gp3
  blockDeviceMappings.noDevice | optional
  blockDeviceMappings.virtualName | optional
  capacityReservationSpecification | optional
  cpuOptions | optional
  creditSpecification | optional
  defaultVersion | optional computed | between 1..
  description | optional | length 0..255
  disableApiStop | optional
  disableApiTermination | optional
  ebsOptimized | optional | one of true|false
  enclaveOptions | optional
  hibernationOptions | optional
  iamInstanceProfile | optional
  iamInstanceProfile.arn | optional | ARN
  iamInstanceProfile.name | optional
  imageId | optional
  instanceInitiatedShutdownBehavior | optional | one of stop|terminate
  instanceMarketOptions | optional
  instanceRequirements | optional
  instanceType | optional
  kernelId | optional
  keyName | optional
  licenseSpecifications | optional
  maintenanceOptions | optional
  metadataOptions | optional computed
  metadataOptions.httpEndpoint | optional computed | one of disabled|enabled
  metadataOptions.httpProtocolIpv6 | optional computed | one of disabled|enabled
  metadataOptions.httpPutResponseHopLimit | optional computed | between 1..64
  metadataOptions.httpTokens | optional computed | one of optional|required
  metadataOptions.instanceMetadataTags | optional computed | one of disabled|enabled
  monitoring | optional
  name | optional computed forceNew | length 3..128 | matches ^[0-9A-Za-z()./_-]+$
  namePrefix | optional computed forceNew | length 3..128 | matches ^[0-9A-Za-z()./_-]+$
  networkInterfaces | optional
  networkInterfaces.associateCarrierIpAddress | optional | one of true|false
  networkInterfaces.associatePublicIpAddress | optional | one of true|false
  networkInterfaces.connectionTrackingSpecification | optional
  networkInterfaces.connectionTrackingSpecification.tcpEstablishedTimeout | optional | between 60..432000
  networkInterfaces.connectionTrackingSpecification.udpStreamTimeout | optional | between 60..180
  networkInterfaces.connectionTrackingSpecification.udpTimeout | optional | between 30..60
  networkInterfaces.deleteOnTermination | optional | one of true|false
  networkInterfaces.description | optional
  networkInterfaces.deviceIndex | optional
  networkInterfaces.enaSrdSpecification | optional
  networkInterfaces.enaSrdSpecification.enaSrdEnabled | optional
  networkInterfaces.enaSrdSpecification.enaSrdUdpSpecification | optional
  networkInterfaces.enaSrdSpecification.enaSrdUdpSpecification.enaSrdUdpEnabled | optional
  networkInterfaces.interfaceType | optional | one of efa|efa-only|interface
  networkInterfaces.ipv4AddressCount | optional
  networkInterfaces.ipv4Addressess | optional | each IPv4
  networkInterfaces.ipv4PrefixCount | optional
  networkInterfaces.ipv4Prefixess | optional | each CIDR4
  networkInterfaces.ipv6AddressCount | optional
  networkInterfaces.ipv6Addressess | optional | each IPv6
  networkInterfaces.ipv6PrefixCount | optional
  networkInterfaces.ipv6Prefixess | optional | each CIDR6
  networkInterfaces.networkCardIndex | optional
  networkInterfaces.networkInterfaceId | optional
  networkInterfaces.primaryIpv6 | optional | one of true|false
  networkInterfaces.privateIpAddress | optional | IPv4
  networkInterfaces.securityGroups | optional
  networkInterfaces.subnetId | optional
  networkPerformanceOptions | optional
  placement | optional
  privateDnsNameOptions | optional
  ramDiskId | optional
  secondaryInterfaces | optional
  securityGroupNames | optional
  tagSpecifications | optional
  tagSpecifications.resourceType | optional
  tagSpecifications.tags | optional
  tags | optional
  updateDefaultVersion | optional
  userData | optional
  vpcSecurityGroupIds | optional

aws:ec2/networkInterface:NetworkInterface aws_network_interface internal/service/ec2/vpc_network_interface.go
  attachments | optional computed
  description | optional
  enaSrdSpecification | optional
  enablePrimaryIpv6 | optional computed forceNewIf
  interfaceType | optional computed forceNew | one of efa|efa-only|branch|trunk
  ipv4PrefixCount | optional computed
  ipv4Prefixes | optional computed | each CIDR4
  ipv6AddressCount | optional computed
  ipv6AddressListEnabled | optional default=false
  ipv6AddressLists | optional computed
  ipv6Addresses | optional computed | each IPv6
  ipv6PrefixCount | optional computed
  ipv6Prefixes | optional computed | each CIDR6
  privateIp | optional computed
  privateIpListEnabled | optional default=false
  privateIpLists | optional computed
  privateIps | optional computed forceNewIf
  privateIpsCount | optional computed
  securityGroups | optional computed
  sourceDestCheck | optional default=true
  subnetId | required forceNew
  tags | optional

aws:ec2/route:Route aws_route internal/service/ec2/vpc_route.go
  carrierGatewayId | optional
  coreNetworkArn | optional | ARN
  destinationCidrBlock | optional forceNew | CIDR4
  destinationIpv6CidrBlock | optional forceNew | CIDR6
  destinationPrefixListId | optional forceNew
  egressOnlyGatewayId | optional
  gatewayId | optional
  localGatewayId | optional
  natGatewayId | optional
  networkInterfaceId | optional computed
  odbNetworkArn | optional | ARN
  routeTableId | required forceNew
  transitGatewayId | optional
  vpcEndpointId | optional
  vpcPeeringConnectionId | optional

aws:ec2/routeTable:RouteTable aws_route_table internal/service/ec2/vpc_route_table.go
  propagatingVgws | optional computed
  routes | optional computed
  tags | optional
  vpcId | required forceNew

aws:ec2/routeTableAssociation:RouteTableAssociation aws_route_table_association internal/service/ec2/vpc_route_table_association.go
  gatewayId | optional forceNew
  routeTableId | required
  subnetId | optional forceNew

aws:ec2/securityGroup:SecurityGroup aws_security_group internal/service/ec2/vpc_security_group.go
  description | optional forceNew default=Managed by Terraform | length 0..255
  egress | optional
  ingress | optional
  name | optional computed forceNew | length 0..255 | not ^sg-
  namePrefix | optional computed forceNew | not ^sg-
  revokeRulesOnDelete | optional default=false
  tags | optional
  vpcId | optional computed forceNew

aws:ec2/subnet:Subnet aws_subnet internal/service/ec2/vpc_subnet.go
  assignIpv6AddressOnCreation | optional default=false
  availabilityZone | optional computed forceNew
  availabilityZoneId | optional computed forceNew
  cidrBlock | optional computed forceNew | CIDR4
  customerOwnedIpv4Pool | optional
  enableDns64 | optional default=false
  enableLniAtDeviceIndex | optional | length 1..
  enableResourceNameDnsARecordOnLaunch | optional default=false
  enableResourceNameDnsAaaaRecordOnLaunch | optional default=false
  ipv4IpamPoolId | optional forceNew
  ipv4NetmaskLength | optional forceNew
  ipv6CidrBlock | optional computed forceNewIf | CIDR6
  ipv6IpamPoolId | optional forceNew
  ipv6Native | optional forceNew default=false
  ipv6NetmaskLength | optional forceNew
  mapCustomerOwnedIpOnLaunch | optional
  mapPublicIpOnLaunch | optional default=false
  outpostArn | optional forceNew | ARN
  privateDnsHostnameTypeOnLaunch | optional computed | one of ip-name|resource-name
  tags | optional
  vpcId | required forceNew

aws:ec2/subnetCidrReservation:SubnetCidrReservation aws_ec2_subnet_cidr_reservation internal/service/ec2/vpc_subnet_cidr_reservation.go
  cidrBlock | required forceNew | CIDR
  description | optional forceNew
  reservationType | required forceNew | one of prefix|explicit
  subnetId | required forceNew

aws:ec2/vpc:Vpc aws_vpc internal/service/ec2/vpc_.go
  assignGeneratedIpv6CidrBlock | optional
  cidrBlock | optional computed forceNew | CIDR4 | netmask 16..28
  enableDnsHostnames | optional computed
  enableDnsSupport | optional default=true
  enableNetworkAddressUsageMetrics | optional computed
  instanceTenancy | optional forceNewIf
  ipv4IpamPoolId | optional forceNew
  ipv4NetmaskLength | optional forceNew
  ipv6CidrBlock | optional computed
  ipv6CidrBlockNetworkBorderGroup | optional computed
  ipv6IpamPoolId | optional
  ipv6NetmaskLength | optional
  tags | optional

aws:ec2/vpcEndpoint:VpcEndpoint aws_vpc_endpoint internal/service/ec2/vpc_endpoint.go
  autoAccept | optional
  dnsOptions | optional computed
  ipAddressType | optional computed | one of ipv4|dualstack|ipv6
  policy | optional
  privateDnsEnabled | optional computed forceNewIf
  resourceConfigurationArn | optional forceNew | ARN
  routeTableIds | optional computed
  securityGroupIds | optional computed
  serviceName | optional forceNew
  serviceNetworkArn | optional forceNew | ARN
  serviceRegion | optional computed forceNew
  subnetConfigurations | optional computed
  subnetIds | optional computed
  tags | optional
  vpcEndpointType | optional forceNew | one of Interface|Gateway|GatewayLoadBalancer|Resource|ServiceNetwork
  vpcId | required forceNew

aws:iam/instanceProfile:InstanceProfile aws_iam_instance_profile internal/service/iam/instance_profile.go
  name | optional computed forceNew | length 0..128 | matches ^[\w+=,.@-]*$
  namePrefix | optional computed forceNew
  path | optional forceNew default=/
  role | optional
  tags | optional

aws:iam/role:Role aws_iam_role internal/service/iam/role.go
  assumeRolePolicy | required | JSON
  description | optional | length 0..1000 | not [“‘]
  forceDetachPolicies | optional default=false
  inlinePolicies | optional computed
  managedPolicyArns | optional computed | each ARN
  maxSessionDuration | optional default=3600 | between 3600..43200
  name | optional computed forceNew | length 0..64 | matches ^[\w+=,.@-]*$
  namePrefix | optional computed forceNew
  path | optional forceNew default=/ | length 0..512
  permissionsBoundary | optional | ARN
  tags | optional

aws:iam/rolePolicy:RolePolicy aws_iam_role_policy internal/service/iam/role_policy.go
  name | optional computed forceNew
  namePrefix | optional computed forceNew
  policy | required | JSON
  role | required forceNew | not ^arn:

aws:imagebuilder/component:Component aws_imagebuilder_component internal/service/imagebuilder/component.go
  changeDescription | optional forceNew | length 1..128
  data | optional computed forceNew | length 1..16000
  description | optional forceNew | length 1..1024
  kmsKeyId | optional forceNew | length 1..1024
  name | required forceNew | length 1..126
  platform | required forceNew | one of Windows|Linux|macOS
  skipDestroy | optional default=false
  supportedOsVersions | optional forceNew | items ..25 | each length 1..
  tags | optional
  uri | optional forceNew
  version | required forceNew | length 1..128

aws:imagebuilder/image:Image aws_imagebuilder_image internal/service/imagebuilder/image.go
  containerRecipeArn | optional forceNew | ARN
  distributionConfigurationArn | optional forceNew | ARN
  enhancedImageMetadataEnabled | optional forceNew default=true
  executionRole | optional computed | ARN
  imageRecipeArn | optional forceNew | ARN
  imageScanningConfiguration | optional computed
  imageTestsConfiguration | optional computed forceNew
  imageTestsConfiguration.imageTestsEnabled | optional forceNew default=true
  imageTestsConfiguration.timeoutMinutes | optional forceNew default=720 | between 60..1440
  infrastructureConfigurationArn | required forceNew | ARN
  loggingConfiguration | optional forceNew
  loggingConfiguration.logGroupName | required
  tags | optional
  workflows | optional computed forceNew

aws:imagebuilder/imageRecipe:ImageRecipe aws_imagebuilder_image_recipe internal/service/imagebuilder/image_recipe.go
  amiTags | optional forceNew
  blockDeviceMappings | optional forceNew
  blockDeviceMappings.deviceName | optional forceNew | length 1..1024
  blockDeviceMappings.ebs | optional forceNew
  blockDeviceMappings.ebs.deleteOnTermination | optional forceNew | one of true|false
  blockDeviceMappings.ebs.encrypted | optional forceNew | one of true|false
  blockDeviceMappings.ebs.iops | optional forceNew | between 100..100000
  blockDeviceMappings.ebs.kmsKeyId | optional forceNew | length 1..1024
  blockDeviceMappings.ebs.snapshotId | optional forceNew | length 1..1024
  blockDeviceMappings.ebs.throughput | optional forceNew | between 125..2000
  blockDeviceMappings.ebs.volumeSize | optional forceNew | between 1..16000
  blockDeviceMappings.ebs.volumeType | optional forceNew | one of standard|io1|io2|gp2|gp3|sc1|st1
  blockDeviceMappings.noDevice | optional computed forceNew
  blockDeviceMappings.virtualName | optional forceNew | length 1..1024
  components | required forceNew
  components.componentArn | required forceNew | ARN
  components.parameters | optional
  components.parameters.name | required forceNew | length 1..256
  components.parameters.value | required forceNew
  description | optional forceNew | length 1..1024
  name | required forceNew | length 1..128
  parentImage | required forceNew | length 1..1024
  systemsManagerAgent | optional computed forceNew
  tags | optional
  userDataBase64 | optional computed forceNew | length 1..21847 | base64
  version | required forceNew | length 1..128
  workingDirectory | optional forceNew | length 1..1024

aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration aws_imagebuilder_infrastructure_configuration internal/service/imagebuilder/infrastructure_configuration.go
  description | optional | length 1..1024
  instanceMetadataOptions | optional
  instanceMetadataOptions.httpPutResponseHopLimit | optional | between 1..64
  instanceMetadataOptions.httpTokens | optional | one of required|optional
  instanceProfileName | required | length 1..1024
  instanceTypes | optional
  keyPair | optional | length 1..1024
  logging | optional
  name | required forceNew
  placement | optional
  resourceTags | optional
  securityGroupIds | optional
  snsTopicArn | optional | ARN
  subnetId | optional | length 1..1024
  tags | optional
  terminateInstanceOnFailure | optional default=false

aws:lb/listener:Listener aws_lb_listener internal/service/elbv2/listener.go
  alpnPolicy | optional | one of HTTP1Only|HTTP2Only|HTTP2Optional|HTTP2Preferred|None
  certificateArn | optional | ARN
  defaultActions | required
  defaultActions.authenticateCognito | optional
  defaultActions.authenticateCognito.authenticationRequestExtraParams | optional
  defaultActions.authenticateCognito.onUnauthenticatedRequest | optional computed | one of deny|allow|authenticate
  defaultActions.authenticateCognito.scope | optional computed
  defaultActions.authenticateCognito.sessionCookieName | optional computed
  defaultActions.authenticateCognito.sessionTimeout | optional computed
  defaultActions.authenticateCognito.userPoolArn | required | ARN
  defaultActions.authenticateCognito.userPoolClientId | required
  defaultActions.authenticateCognito.userPoolDomain | required
  defaultActions.authenticateOidc | optional
  defaultActions.authenticateOidc.authenticationRequestExtraParams | optional
  defaultActions.authenticateOidc.authorizationEndpoint | required
  defaultActions.authenticateOidc.clientId | required
  defaultActions.authenticateOidc.clientSecret | required
  defaultActions.authenticateOidc.issuer | required
  defaultActions.authenticateOidc.onUnauthenticatedRequest | optional computed | one of deny|allow|authenticate
  defaultActions.authenticateOidc.scope | optional computed
  defaultActions.authenticateOidc.sessionCookieName | optional computed
  defaultActions.authenticateOidc.sessionTimeout | optional computed
  defaultActions.authenticateOidc.tokenEndpoint | required
  defaultActions.authenticateOidc.userInfoEndpoint | required
  defaultActions.fixedResponse | optional
  defaultActions.fixedResponse.contentType | required | one of text/plain|text/css|text/html|application/javascript|application/json
  defaultActions.fixedResponse.messageBody | optional | length 0..1024
  defaultActions.fixedResponse.statusCode | optional computed | matches ^[245]\d\d$
  defaultActions.forward | optional
  defaultActions.forward.stickiness | optional
  defaultActions.forward.stickiness.duration | required | between 1..604800
  defaultActions.forward.stickiness.enabled | optional default=false
  defaultActions.forward.targetGroups | required | items ..5
  defaultActions.forward.targetGroups.arn | required | ARN
  defaultActions.forward.targetGroups.weight | optional default=1 | between 0..999
  defaultActions.jwtValidation | optional
  defaultActions.jwtValidation.additionalClaims | optional | items ..10
  defaultActions.jwtValidation.additionalClaims.format | required | one of single-string|string-array|space-separated-values
  defaultActions.jwtValidation.additionalClaims.name | required
  defaultActions.jwtValidation.additionalClaims.values | required | items ..10 | each length 1..256
  defaultActions.jwtValidation.issuer | required | length 1..256
  defaultActions.jwtValidation.jwksEndpoint | required | length 1..256
  defaultActions.order | optional computed
  defaultActions.redirect | optional
  defaultActions.redirect.host | optional default=#{host} | length 1..128
  defaultActions.redirect.path | optional default=/#{path} | length 1..128
  defaultActions.redirect.port | optional default=#{port}
  defaultActions.redirect.protocol | optional default=#{protocol}
  defaultActions.redirect.query | optional default=#{query} | length 0..128
  defaultActions.redirect.statusCode | required | one of HTTP_301|HTTP_302
  defaultActions.targetGroupArn | optional | ARN
  defaultActions.type | required | one of forward|authenticate-oidc|authenticate-cognito|redirect|fixed-response|jwt-validation
  loadBalancerArn | required forceNew | ARN
  mutualAuthentication | optional computed
  port | optional | between 1..65535
  protocol | optional computed | one of HTTP|HTTPS|TCP|TLS|UDP|TCP_UDP|GENEVE|QUIC|TCP_QUIC
  routingHttpRequestXAmznMtlsClientcertHeaderName | optional computed
  routingHttpRequestXAmznMtlsClientcertIssuerHeaderName | optional computed
  routingHttpRequestXAmznMtlsClientcertLeafHeaderName | optional computed
  routingHttpRequestXAmznMtlsClientcertSerialNumberHeaderName | optional computed
  routingHttpRequestXAmznMtlsClientcertSubjectHeaderName | optional computed
  routingHttpRequestXAmznMtlsClientcertValidityHeaderName | optional computed
  routingHttpRequestXAmznTlsCipherSuiteHeaderName | optional computed
  routingHttpRequestXAmznTlsVersionHeaderName | optional computed
  routingHttpResponseAccessControlAllowCredentialsHeaderValue | optional computed
  routingHttpResponseAccessControlAllowHeadersHeaderValue | optional computed
  routingHttpResponseAccessControlAllowMethodsHeaderValue | optional computed
  routingHttpResponseAccessControlAllowOriginHeaderValue | optional computed
  routingHttpResponseAccessControlExposeHeadersHeaderValue | optional computed
  routingHttpResponseAccessControlMaxAgeHeaderValue | optional computed
  routingHttpResponseContentSecurityPolicyHeaderValue | optional computed
  routingHttpResponseServerEnabled | optional computed
  routingHttpResponseStrictTransportSecurityHeaderValue | optional computed
  routingHttpResponseXContentTypeOptionsHeaderValue | optional computed
  routingHttpResponseXFrameOptionsHeaderValue | optional computed
  sslPolicy | optional computed
  tags | optional
  tcpIdleTimeoutSeconds | optional computed | between 60..6000

aws:lb/loadBalancer:LoadBalancer aws_lb internal/service/elbv2/load_balancer.go
  accessLogs | optional
  clientKeepAlive | optional default=3600
  connectionLogs | optional
  customerOwnedIpv4Pool | optional forceNew
  desyncMitigationMode | optional | one of monitor|defensive|strictest
  dnsRecordClientRoutingPolicy | optional | one of availability_zone_affinity|partial_availability_zone_affinity|any_availability_zone
  dropInvalidHeaderFields | optional default=false
  enableCrossZoneLoadBalancing | optional default=false
  enableDeletionProtection | optional default=false
  enableHttp2 | optional default=true
  enablePrefixForIpv6SourceNat | optional computed | one of on|off
  enableTlsVersionAndCipherSuiteHeaders | optional default=false
  enableWafFailOpen | optional default=false
  enableXffClientPort | optional default=false
  enableZonalShift | optional default=false
  enforceSecurityGroupInboundRulesOnPrivateLinkTraffic | optional computed | one of on|off
  healthCheckLogs | optional
  idleTimeout | optional default=60
  internal | optional computed forceNew
  ipAddressType | optional computed | one of ipv4|dualstack|dualstack-without-public-ipv4
  ipamPools | optional
  loadBalancerType | optional forceNew | one of application|network|gateway
  minimumLoadBalancerCapacity | optional
  name | optional computed forceNew | length 0..32 | matches ^[0-9A-Za-z-]+$ | not ^- -$ ^internal-
  namePrefix | optional computed forceNew
  preserveHostHeader | optional default=false
  secondaryIpsAutoAssignedPerSubnet | optional computed | between 0..7
  securityGroups | optional computed forceNewIf
  subnetMappings | optional computed forceNewIf
  subnets | optional computed forceNewIf
  tags | optional
  xffHeaderProcessingMode | optional | one of append|preserve|remove

aws:lb/targetGroup:TargetGroup aws_lb_target_group internal/service/elbv2/target_group.go
  connectionTermination | optional computed
  deregistrationDelay | optional default=300 | between 0..3600
  healthCheck | optional computed
  healthCheck.enabled | optional default=true
  healthCheck.healthyThreshold | optional default=3 | between 2..10
  healthCheck.interval | optional default=30 | between 5..300
  healthCheck.matcher | optional computed
  healthCheck.path | optional computed | matches ^(/.{0,1023})?$
  healthCheck.port | optional | matches ^(traffic-port|[0-9]{1,5})$
  healthCheck.protocol | optional | one of HTTP|HTTPS|TCP
  healthCheck.timeout | optional computed | between 2..120
  healthCheck.unhealthyThreshold | optional default=3 | between 2..10
  ipAddressType | optional computed forceNew | one of ipv4|ipv6
  lambdaMultiValueHeadersEnabled | optional default=false
  loadBalancingAlgorithmType | optional computed | one of round_robin|least_outstanding_requests|weighted_random
  loadBalancingAnomalyMitigation | optional computed | one of on|off
  loadBalancingCrossZoneEnabled | optional computed | one of true|false|use_load_balancer_configuration
  name | optional computed forceNew | length 0..32 | matches ^[0-9A-Za-z-]+$ | not ^- -$
  namePrefix | optional computed forceNew
  port | optional forceNew | between 1..65535
  preserveClientIp | optional computed | one of true|false
  protocol | optional forceNew | one of HTTP|HTTPS|TCP|TLS|UDP|TCP_UDP|GENEVE|QUIC|TCP_QUIC
  protocolVersion | optional computed forceNew | one of GRPC|HTTP1|HTTP2
  proxyProtocolV2 | optional default=false
  slowStart | optional default=0
  stickiness | optional computed
  tags | optional
  targetControlPort | optional forceNew | between 1..65535
  targetFailovers | optional computed
  targetGroupHealth | optional computed
  targetHealthStates | optional computed
  targetHealthStates.enableUnhealthyConnectionTermination | required
  targetHealthStates.unhealthyDrainingInterval | optional default=0 | between 0..360000
  targetType | optional forceNew | one of instance|ip|lambda|alb
  vpcId | optional forceNew

aws:lb/targetGroupAttachment:TargetGroupAttachment aws_lb_target_group_attachment internal/service/elbv2/target_group_attachment.go
  availabilityZone | optional forceNew
  port | optional forceNew
  quicServerId | optional forceNew
  targetGroupArn | required forceNew | ARN
  targetId | required forceNew

aws:route53/record:Record aws_route53_record internal/service/route53/record.go
  aliases | optional
  aliases.evaluateTargetHealth | required
  aliases.name | required | length 1..1024
  aliases.zoneId | required | length 1..32
  allowOverwrite | optional computed
  cidrRoutingPolicy | optional
  failoverRoutingPolicies | optional
  geolocationRoutingPolicies | optional
  geoproximityRoutingPolicy | optional
  healthCheckId | optional
  latencyRoutingPolicies | optional
  multivalueAnswerRoutingPolicy | optional
  name | required forceNew
  records | optional
  setIdentifier | optional
  ttl | optional
  type | required forceNew | one of SOA|A|TXT|NS|CNAME|MX|NAPTR|PTR|SRV|SPF|AAAA|CAA|DS|TLSA|SSHFP|SVCB|HTTPS
  weightedRoutingPolicies | optional
  zoneId | required forceNew | length 1..

aws:route53/zone:Zone aws_route53_zone internal/service/route53/zone.go
  comment | optional default=Managed by Terraform | length 0..256
  delegationSetId | optional forceNew | length 0..32
  enableAcceleratedRecovery | optional computed
  forceDestroy | optional default=false
  name | required forceNew | length 1..1024
  tags | optional
  vpcs | optional

aws:s3/bucket:Bucket aws_s3_bucket internal/service/s3/bucket.go
  accelerationStatus | optional computed | one of Enabled|Suspended
  acl | optional computed
  bucket | optional computed forceNew | length 0..63
  bucketNamespace | optional computed forceNew | one of account-regional|global
  bucketPrefix | optional computed forceNew
  corsRules | optional computed
  forceDestroy | optional default=false
  grants | optional computed
  lifecycleRules | optional computed
  logging | optional computed
  objectLockConfiguration | optional computed
  objectLockEnabled | optional computed forceNew
  policy | optional computed | JSON
  replicationConfiguration | optional computed
  requestPayer | optional computed | one of Requester|BucketOwner
  serverSideEncryptionConfiguration | optional computed
  tags | optional
  versioning | optional computed
  website | optional computed

aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration aws_s3_bucket_lifecycle_configuration internal/service/s3/bucket_lifecycle_configuration.go
  bucket | required forceNew | length 1..63
  expectedBucketOwner | optional computed forceNew | matches ^\d{12}$
  rules | optional | items 1..
  rules.abortIncompleteMultipartUpload | optional
  rules.abortIncompleteMultipartUpload.daysAfterInitiation | optional
  rules.expiration | optional
  rules.expiration.date | optional
  rules.expiration.days | optional computed
  rules.expiration.expiredObjectDeleteMarker | optional computed
  rules.filter | optional
  rules.filter.and | optional
  rules.filter.and.objectSizeGreaterThan | optional computed | between 0..
  rules.filter.and.objectSizeLessThan | optional computed | between 1..
  rules.filter.and.prefix | optional computed
  rules.filter.and.tags | optional
  rules.filter.objectSizeGreaterThan | optional computed
  rules.filter.objectSizeLessThan | optional computed
  rules.filter.prefix | optional computed
  rules.filter.tag | optional
  rules.filter.tag.key | required
  rules.filter.tag.value | required
  rules.id | required | length 1..255
  rules.noncurrentVersionExpiration | optional
  rules.noncurrentVersionExpiration.newerNoncurrentVersions | optional | between 1..
  rules.noncurrentVersionExpiration.noncurrentDays | required | between 1..
  rules.noncurrentVersionTransitions | optional
  rules.noncurrentVersionTransitions.newerNoncurrentVersions | optional | between 1..
  rules.noncurrentVersionTransitions.noncurrentDays | required | between 0..
  rules.noncurrentVersionTransitions.storageClass | required
  rules.prefix | optional computed
  rules.status | required | one of Disabled|Enabled
  rules.transitions | optional
  rules.transitions.date | optional
  rules.transitions.days | optional computed | between 0..
  rules.transitions.storageClass | required
  transitionDefaultMinimumObjectSize | optional computed

aws:s3/bucketObject:BucketObject aws_s3_bucket_object internal/service/s3/bucket_object.go
  acl | optional | one of private|public-read|public-read-write|authenticated-read|aws-exec-read|bucket-owner-read|bucket-owner-full-control
  bucket | required forceNew | length 1..
  bucketKeyEnabled | optional computed
  cacheControl | optional
  content | optional
  contentBase64 | optional
  contentDisposition | optional
  contentEncoding | optional
  contentLanguage | optional
  contentType | optional computed
  etag | optional computed
  forceDestroy | optional default=false
  key | required forceNew | length 1..
  kmsKeyId | optional computed | ARN
  metadata | optional
  objectLockLegalHoldStatus | optional | one of ON|OFF
  objectLockMode | optional | one of GOVERNANCE|COMPLIANCE
  objectLockRetainUntilDate | optional | time
  serverSideEncryption | optional computed | one of AES256|aws:fsx|aws:kms|aws:kms:dsse
  source | optional
  sourceHash | optional
  storageClass | optional computed | one of STANDARD|REDUCED_REDUNDANCY|GLACIER|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|DEEP_ARCHIVE|OUTPOSTS|GLACIER_IR|SNOW|EXPRESS_ONEZONE|FSX_OPENZFS|FSX_ONTAP
  tags | optional
  websiteRedirect | optional

aws:s3/bucketObjectv2:BucketObjectv2 aws_s3_object internal/service/s3/object.go
  acl | optional computed | one of private|public-read|public-read-write|authenticated-read|aws-exec-read|bucket-owner-read|bucket-owner-full-control
  bucket | required forceNew | length 1..
  bucketKeyEnabled | optional computed
  cacheControl | optional
  checksumAlgorithm | optional | one of CRC32|CRC32C|SHA1|SHA256|CRC64NVME|SHA512|MD5|XXHASH64|XXHASH3|XXHASH128
  content | optional
  contentBase64 | optional
  contentDisposition | optional
  contentEncoding | optional
  contentLanguage | optional
  contentType | optional computed
  etag | optional computed
  forceDestroy | optional default=false
  key | required forceNew | length 1..
  kmsKeyId | optional computed | ARN
  metadata | optional
  objectLockLegalHoldStatus | optional | one of ON|OFF
  objectLockMode | optional | one of GOVERNANCE|COMPLIANCE
  objectLockRetainUntilDate | optional | time
  overrideProvider | optional
  serverSideEncryption | optional computed | one of AES256|aws:fsx|aws:kms|aws:kms:dsse
  source | optional
  sourceHash | optional
  storageClass | optional computed | one of STANDARD|REDUCED_REDUNDANCY|GLACIER|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|DEEP_ARCHIVE|OUTPOSTS|GLACIER_IR|SNOW|EXPRESS_ONEZONE|FSX_OPENZFS|FSX_ONTAP
  tags | optional
  websiteRedirect | optional

aws:s3/bucketOwnershipControls:BucketOwnershipControls aws_s3_bucket_ownership_controls internal/service/s3/bucket_ownership_controls.go
  bucket | required forceNew | length 1..
  rule | required
  rule.objectOwnership | required | one of BucketOwnerPreferred|ObjectWriter|BucketOwnerEnforced

aws:s3/bucketPolicy:BucketPolicy aws_s3_bucket_policy internal/service/s3/bucket_policy.go
  bucket | required forceNew
  policy | required

aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock aws_s3_bucket_public_access_block internal/service/s3/bucket_public_access_block.go
  blockPublicAcls | optional default=false
  blockPublicPolicy | optional default=false
  bucket | required forceNew
  ignorePublicAcls | optional default=false
  restrictPublicBuckets | optional default=false
  skipDestroy | optional

aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration aws_s3_bucket_server_side_encryption_configuration internal/service/s3/bucket_server_side_encryption_configuration.go
  bucket | required forceNew | length 1..63
  expectedBucketOwner | optional | matches ^\d{12}$
  rules | required
  rules.applyServerSideEncryptionByDefault | optional
  rules.applyServerSideEncryptionByDefault.kmsMasterKeyId | optional computed
  rules.applyServerSideEncryptionByDefault.sseAlgorithm | required | one of AES256|aws:fsx|aws:kms|aws:kms:dsse
  rules.blockedEncryptionTypess | optional computed | each one of NONE|SSE-C
  rules.bucketKeyEnabled | optional computed

aws:s3/bucketVersioning:BucketVersioning aws_s3_bucket_versioning internal/service/s3/bucket_versioning.go
  bucket | required forceNew | length 1..63
  expectedBucketOwner | optional | matches ^\d{12}$
  mfa | optional
  versioningConfiguration | required
  versioningConfiguration.mfaDelete | optional computed | one of Enabled|Disabled
  versioningConfiguration.status | required | one of Enabled|Suspended|Disabled

aws:sns/topic:Topic aws_sns_topic internal/service/sns/topic.go
  applicationFailureFeedbackRoleArn | optional | ARN
  applicationSuccessFeedbackRoleArn | optional | ARN
  applicationSuccessFeedbackSampleRate | optional | between 0..100
  archivePolicy | optional
  contentBasedDeduplication | optional default=false
  deliveryPolicy | optional
  displayName | optional
  fifoThroughputScope | optional computed | one of Topic|MessageGroup
  fifoTopic | optional forceNew default=false
  firehoseFailureFeedbackRoleArn | optional | ARN
  firehoseSuccessFeedbackRoleArn | optional | ARN
  firehoseSuccessFeedbackSampleRate | optional | between 0..100
  httpFailureFeedbackRoleArn | optional | ARN
  httpSuccessFeedbackRoleArn | optional | ARN
  httpSuccessFeedbackSampleRate | optional | between 0..100
  kmsMasterKeyId | optional
  lambdaFailureFeedbackRoleArn | optional | ARN
  lambdaSuccessFeedbackRoleArn | optional | ARN
  lambdaSuccessFeedbackSampleRate | optional | between 0..100
  name | optional computed forceNew
  namePrefix | optional computed forceNew
  policy | optional
  signatureVersion | optional computed | between 1..2
  sqsFailureFeedbackRoleArn | optional | ARN
  sqsSuccessFeedbackRoleArn | optional | ARN
  sqsSuccessFeedbackSampleRate | optional | between 0..100
  tags | optional
  tracingConfig | optional computed | one of Active|PassThrough

aws:sns/topicPolicy:TopicPolicy aws_sns_topic_policy internal/service/sns/topic_policy.go
  arn | required forceNew | ARN
  policy | required

aws:sns/topicSubscription:TopicSubscription aws_sns_topic_subscription internal/service/sns/topic_subscription.go
  confirmationTimeoutInMinutes | optional default=1
  deliveryPolicy | optional | JSON
  endpoint | required forceNew
  endpointAutoConfirms | optional default=false
  filterPolicy | optional
  filterPolicyScope | optional computed | one of MessageAttributes|MessageBody
  protocol | required forceNew | one of application|email|email-json|firehose|http|https|lambda|sms|sqs
  rawMessageDelivery | optional default=false
  redrivePolicy | optional
  replayPolicy | optional
  subscriptionRoleArn | optional | ARN
  topic | required forceNew | ARN

aws:sqs/queue:Queue aws_sqs_queue internal/service/sqs/queue.go
  contentBasedDeduplication | optional default=false
  deduplicationScope | optional computed | one of messageGroup|queue
  delaySeconds | optional | between 0..900
  fifoQueue | optional forceNew default=false
  fifoThroughputLimit | optional computed | one of perMessageGroupId|perQueue
  kmsDataKeyReusePeriodSeconds | optional computed | between 60..86400
  kmsMasterKeyId | optional
  maxMessageSize | optional | between 1024..1048576
  messageRetentionSeconds | optional | between 60..1209600
  name | optional computed forceNew
  namePrefix | optional computed forceNew
  policy | optional computed | JSON
  receiveWaitTimeSeconds | optional
  redriveAllowPolicy | optional computed | JSON
  redrivePolicy | optional computed | JSON
  sqsManagedSseEnabled | optional computed
  tags | optional
  visibilityTimeoutSeconds | optional | between 0..43200

aws:sqs/queuePolicy:QueuePolicy aws_sqs_queue_policy internal/service/sqs/queue_policy.go
  policy | required
  queueUrl | required forceNew

aws:ssm/parameter:Parameter aws_ssm_parameter internal/service/ssm/parameter.go
  allowedPattern | optional | length 0..1024
  arn | optional computed
  dataType | optional computed forceNew | one of aws:ec2:image|aws:ssm:integration|text
  description | optional | length 0..1024
  insecureValue | optional computed
  keyId | optional computed
  name | required forceNew | length 1..2048
  overwrite | optional
  tags | optional
  tier | optional computed forceNewIf | one of Standard|Advanced|Intelligent-Tiering
  type | required | one of String|StringList|SecureString
  value | optional computed
  valueWo | optional
  valueWoVersion | optional

aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule aws_vpc_security_group_egress_rule internal/service/ec2/vpc_security_group_ingress_rule.go
  cidrIpv4 | optional | CIDR4
  cidrIpv6 | optional | CIDR6
  description | optional
  fromPort | optional | between -1..65535
  ipProtocol | required
  prefixListId | optional
  referencedSecurityGroupId | optional
  securityGroupId | required forceNew
  tags | optional
  toPort | optional | between -1..65535

aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule aws_vpc_security_group_ingress_rule internal/service/ec2/vpc_security_group_ingress_rule.go
  cidrIpv4 | optional | CIDR4
  cidrIpv6 | optional | CIDR6
  description | optional
  fromPort | optional | between -1..65535
  ipProtocol | required
  prefixListId | optional
  referencedSecurityGroupId | optional
  securityGroupId | required forceNew
  tags | optional
  toPort | optional | between -1..65535
`;
