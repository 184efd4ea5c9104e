/** Who may be the role that writes the network's logs: the service that does. */
export const flowLogsTrust = () => ({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "vpc-flow-logs.amazonaws.com" } },
  ],
});

/** What it may: write to its log group alone. Groups can be listed all or not at all. */
export const flowLogsPolicy = (logGroupArn: string) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Action: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: [logGroupArn, `${logGroupArn}:*`],
    },
    { Effect: "Allow", Action: ["logs:DescribeLogGroups"], Resource: ["*"] },
  ],
});
