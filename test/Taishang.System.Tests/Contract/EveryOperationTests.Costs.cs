namespace Taishang.System.Tests.Contract;

public sealed partial class EveryOperationTests
{
    private sealed partial class Day
    {
        private async Task BudgetsAsync()
        {
            var id = Text(
                await driver.SucceedAsync(new Call("createBudget", null, Example("createBudget", "tokens"))), "id");
            await driver.SucceedAsync(new Call("createBudget", null, Example("createBudget", "money")));
            await driver.FailAsync(409, 20032, new Call("createBudget", null, Example("createBudget", "tokens")));
            await driver.FailAsync(400, 20036, new Call("createBudget", null, Json(
                """{ "name": "none", "unit": "calls", "period": "day", "limit": 0.5 }""")));
            await driver.SucceedAsync(new Call("listBudgets") { Query = "tenant=acme&unit=tokens&sort=name" });
            var budget = await driver.SucceedAsync(new Call("getBudget", "acme-daily"));
            Assert.Equal(1000, (int)budget["state"]!["left"]!);
            await driver.SucceedAsync(new Call("replaceBudget", id, Example("replaceBudget")));
            await driver.FailAsync(400, 20036, new Call("replaceBudget", id, Json(
                """{ "name": "acme-daily", "unit": "calls", "period": "day", "limit": 5 }""")));
            await driver.SucceedAsync(new Call("createBudget", null, Json(
                """{ "name": "narrow", "tenant": "small", "unit": "tokens", "period": "month", "limit": 1 }""")));
            var small = new Dictionary<string, string> { ["X-Taishang-Tenant"] = "small" };
            await driver.FailAsync(429, 20030, new Call("embedText", null, Json("""{ "text": "too dear" }"""))
            {
                Headers = small,
            });
            await driver.FailAsync(429, new Call("openAiEmbeddings", null, Example("openAiEmbeddings"))
            {
                Headers = small,
            });
            await driver.SucceedAsync(new Call("deleteBudget", id));
            await driver.FailAsync(404, 20034, new Call("getBudget", id));
        }
    }
}
